# Relationship fields of Debian packages (Debian Policy 7.1), a group of alternatives a string: "a (>= 1.0) | b:any".
let
  inherit (builtins) elemAt filter isString match split;
  versions = import ./versions.nix;

  parseRelation = text:
    let parts = match " *([^] ():|[]+)(:([a-z0-9-]+))? *([(] *(<<|<=|=|>=|>>|<|>) *([^ )]+) *[)])?.*" text;
    in
    if parts == null then throw "'${text}' is no package relation, such as 'libc6 (>= 2.34)'"
    else {
      name = elemAt parts 0;
      qualifier = elemAt parts 2;
      relation = elemAt parts 4;
      version = elemAt parts 5;
    };
in
rec {
  # "a (>= 1) | b" → [ { name; qualifier; relation; version; } … ], null where not written.
  parseGroup = text: map parseRelation (filter isString (split "[|]" text));

  # The names alone, which is much cheaper.
  namesOf = text: map (part: elemAt (match " *([^] ():|[]+).*" part) 0) (filter isString (split "[|]" text));

  # Whether a package's own version meets a relation.
  meets = version: relation:
    relation.relation == null || versions.satisfies version relation.relation relation.version;

  # Whether a provided name, with its version or null, meets a relation: unversioned ones never meet a versioned relation.
  providedMeets = version: relation:
    relation.relation == null || (version != null && versions.satisfies version relation.relation relation.version);

  # `:any` asks for Multi-Arch: allowed; an architecture must be the package's own.
  acceptsQualifier = package: qualifier:
    qualifier == null || qualifier == "native"
    || (if qualifier == "any" then package.multiArch == "allowed" else qualifier == package.architecture);
}
