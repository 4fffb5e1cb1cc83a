/** The help of `nix-store`. Layer 5. */

export const storeUsage: string = `Usage: nix-store OPERATION [options] [arguments…]

  -r, --realise PATH…       build derivations, fetch other paths; --dry-run, --ignore-unknown, --repair
  --add-root LINK           keep what is realised by a link at LINK
  -q, --query KIND PATH…    --outputs, -R --requisites, --references, --referrers, --referrers-closure,
                            -d --deriver, --valid-derivers, -b --binding NAME, --hash, --size, --tree,
                            --graph, --graphml, --resolve, --roots; with -u --use-output,
                            -f --force-realise, --include-outputs
  --gc                      delete what nothing keeps; --max-freed BYTES; --print-roots, --print-live, --print-dead
  --delete PATH…            delete these, unless something keeps them; --ignore-liveness
  --add PATH…               copy files and folders into the store
  --add-fixed ALGO PATH…    the same by the hash of a file's bytes, or with --recursive of its archive
  --print-fixed-path ALGO HASH NAME
  --dump PATH               write an archive (NAR) of a file or folder to standard output
  --restore PATH            make a file or folder of an archive from standard input
  --export PATH…            write store objects to standard output
  --import                  read them from standard input
  --dump-db [PATH…]         write what is known of objects
  --load-db                 make objects valid that are in the store folder, from such a text
  --register-validity       the same; --hash-given, --reregister
  --check-validity PATH…    fail where one is not valid; --print-invalid
  --verify                  compare database and files; --check-contents, --repair
  --verify-path PATH…       compare the contents of these with their hashes
  --repair-path PATH…       fetch or build these anew
  --optimise                make equal files hard links of one another
  -l, --read-log PATH…      print what building said
  --print-env DRV           print a derivation's variables for a shell
  --generate-binary-cache-key NAME SECRET-FILE PUBLIC-FILE
  --serve [--write]         answer another machine's nix-copy-closure on standard input and output
  --init                    make the store
  -k, --keep-going          go on with what does not depend on a failure
  -Q, --no-build-output     do not show what builders write
  --store ROOT              use the store below ROOT
  --option NAME VALUE       set a configuration setting
  --version, --help
`;
