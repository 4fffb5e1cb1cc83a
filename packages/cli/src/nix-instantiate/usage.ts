/** The help of `nix-instantiate`. Layer 5. */

export const usage: string = `Usage: nix-instantiate [options] [FILE…]

Instantiates store derivations from Nix expressions, or evaluates them. Without FILE it reads ./default.nix.

  -                         read the expression from standard input
  -E, --expr                the arguments are expressions, not files
  -A, --attr PATH           select an attribute, as in a.b.0 (may be repeated)
  --arg NAME EXPR           pass an expression as an argument of functions
  --argstr NAME STRING      pass a text as an argument of functions
  -I, --include PATH        add an entry (path or name=path) to the search path
  --eval                    print the value instead of instantiating
  --parse                   print the parsed expression
  --find-file               print where <FILE> is found in the search path
  --strict                  evaluate the value completely before printing it
  --raw, --json, --xml      print the value as a bare string, as JSON or as XML
  --no-location             leave source positions out of XML
  --readonly-mode           write nothing to the store; --read-write-mode with --eval: do write
  --add-root PATH           keep the result from garbage collection by a link at PATH
  --store ROOT              use the store below ROOT
  --option NAME VALUE       set a configuration setting
  --no-eval-cache           do not use, and do not keep, what was said for the same arguments before
  --show-trace              show the whole trace of an error
  --version, --help
`;
