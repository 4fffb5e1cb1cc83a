/** The help of `nix-build`. Layer 5. */

export const buildUsage: string = `Usage: nix-build [options] [FILE…]

Builds derivations of Nix expressions, prints their outputs and makes links to them. Without FILE it reads ./default.nix.

  -E, --expr                the arguments are expressions, not files
  -A, --attr PATH           select an attribute, as in a.b.0 (may be repeated)
  --arg NAME EXPR           pass an expression as an argument of functions
  --argstr NAME STRING      pass a text as an argument of functions
  -I, --include PATH        add an entry (path or name=path) to the search path
  -o, --out-link PATH       where the link is made (default: result)
  --no-out-link             make no link: the outputs may be collected as garbage
  --dry-run                 say what would be built
  -k, --keep-going          go on with what does not depend on a failure
  -K, --keep-failed         keep the folder of a build that failed
  --fix                     where a hash is wrong, print its line with the right one
  --check                   build again what is there, and compare
  -j, --max-jobs N          build N derivations at once
  --cores N                 processors that a build may use (0: all)
  --timeout N, --max-silent-time N
                            seconds that a build may take, or be silent
  -Q, --no-build-output     do not show what builders write
  --store ROOT              use the store below ROOT
  --option NAME VALUE       set a configuration setting
  --show-trace              show the whole trace of an error
  --version, --help
`;
