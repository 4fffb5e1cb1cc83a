# Reads an index object: see the engine's index-object.ts for its layout. Everything is read when it is first needed.
index:
let
  inherit (builtins) fromJSON hashString mapAttrs readDir readFile substring;

  read = file: fromJSON (readFile (index + "/${file}"));

  meta =
    let found = read "meta.json";
    in
    if (found.format or null) == 1 then found
    else throw "the package index has layout ${toString (found.format or "unknown")}, and this package set reads layout 1";

  # Shards without a package are not there.
  shards = mapAttrs (file: _: read "shards/${file}") (readDir (index + "/shards"));
  shardOf = name: shards.${substring 0 3 (hashString "md5" name) + ".json"} or { };
in
{
  inherit meta;

  # { <package> = <version>; }
  versions = read "versions.json";

  # [ [ <package> <version>? ] … ]: who provides a virtual name, the preferred first.
  providersOf = name: fromJSON ((shardOf name).${"virtual:${name}"} or "[]");

  # The record of a package of the index.
  record = name: fromJSON (shardOf name).${name};
}
