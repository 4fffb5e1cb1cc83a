# What this package set wants otherwise than the index alone would give: dependencies that are left out, Recommends that
# are taken, and choices between alternatives.
let
  inherit (builtins) any elem elemAt filter genList length match;
in
rec {
  # Dependencies left out: name pattern of the package → names.
  leftOut = [
    # Only a default self-signed certificate comes from ssl-cert, made anew with each installation.
    { package = "postgresql-([0-9]+|common)"; depends = [ "ssl-cert" ]; }
  ];

  # A record of the index without the dependencies that are left out.
  adjustRecord = name: record:
    let
      rules = filter (rule: match rule.package name != null) leftOut;
      dropped = builtins.concatMap (rule: rule.depends) rules;
      texts = (record.preDepends or [ ]) ++ (record.depends or [ ]);
      keep = text: !(elem (builtins.head (match "([^ :(|]+).*" text)) dropped);
      positions = filter (position: keep (elemAt texts position)) (genList (position: position) (length texts));
    in
    # Rules are few and their patterns begin with a literal prefix, so that nearly every name is done here.
    if builtins.substring 0 11 name != "postgresql-" || rules == [ ] then record
    else record // {
      depends = filter keep (record.depends or [ ]);
      preDepends = filter keep (record.preDepends or [ ]);
      candidates = map (elemAt (record.candidates or [ ])) positions;
    };

  # Recommends without which the package does not do what people install it for.
  wantedRecommends = package: text:
    any (rule: match rule.package package != null && match rule.recommends text != null) [
      # A C compiler that finds a C library.
      { package = "gcc-[0-9]+|gcc|tcc"; recommends = "libc6-dev( .*)?|libc-dev"; }
      # clang's sanitizers and compiler-rt.
      { package = "libclang-common-[0-9]+-dev"; recommends = "libclang-rt-[0-9]+-dev.*"; }
      { package = "protobuf-compiler"; recommends = "libprotobuf-dev.*"; }
      # What mix and rebar3 use to fetch packages.
      { package = "erlang-base"; recommends = "erlang-crypto.*"; }
      # SVG input of ImageMagick and of Graphviz.
      { package = "imagemagick.*|libmagickcore.*-extra|graphviz"; recommends = "librsvg2-bin.*|libmagickcore-.*-extra"; }
    ];

  # Alternatives in the order in which this set wants them.
  prefer = group:
    # usrmerge's postinst converts a running system; a root made here is merged from the start.
    if elem "usrmerge" group && elem "usr-is-merged" group
    then [ "usr-is-merged" ] ++ filter (name: name != "usr-is-merged") group
    else group;
}
