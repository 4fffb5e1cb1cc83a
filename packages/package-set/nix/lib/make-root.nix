# The root of an environment (`builtin:compose-root`, attributes in the engine's compose-root-attributes.ts): the closure
# of its packages and of the Essential ones, merged into one tree and configured by their maintainer scripts.
{ final, index, system, resolver, traitsOf }:
let
  inherit (builtins)
    attrNames concatMap concatStringsSep derivation elemAt filter foldl' head isAttrs isList isString map match;
  configureOrder = import ./configure-order.nix;

  # The shells that a user may have; bash is Essential.
  shellPackages = { bash = [ ]; zsh = [ "zsh" ]; fish = [ "fish" ]; sh = [ ]; };

  virtualHint = name:
    let providers = map head (index.providersOf name);
    in if providers == [ ] then "" else " (it is virtual: choose one of ${concatStringsSep ", " (firstOf 5 providers)})";
  firstOf = count: list: if count == 0 || list == [ ] then [ ] else [ (head list) ] ++ firstOf (count - 1) (builtins.tail list);

  # A request (a name or a value) as a value: a package of this set, or any other derivation.
  requested = request:
    if !(isString request) then
      if isAttrs request && (resolver.isPackage request || (request.type or null) == "derivation") then request
      else throw "a package must be a name or a derivation"
    else
      let value = final.${request} or null;
      in
      if isAttrs value && (resolver.isPackage value || (value.type or null) == "derivation") then value
      else throw "unknown package '${request}'${virtualHint request}";

  isPosixLocale = name: match "(C|POSIX)([.].*)?" name != null;

  # A name for people as a store name: what is not allowed there becomes a hyphen.
  storeNameOf = text:
    let name = concatStringsSep "-" (filter (part: isString part && part != "") (builtins.split "[^a-zA-Z0-9+._?=-]+" text));
    in builtins.substring 0 200 (if match "[^.].*" name == null then "environment${name}" else name);

  collect = field: traits: concatMap (each: each.${field} or [ ]) traits;
in
rec {
  inherit requested;

  mkRoot =
    { packages ? [ ]
    , shell ? "bash"
    , locales ? [ ]
    , name ? "root"
    }:
    let
      wantedLocales = filter (locale: !(isPosixLocale locale)) locales;
      values = map requested packages;
      roots =
        filter resolver.isPackage values
        ++ map requested (
          index.meta.essential
          ++ (shellPackages.${shell} or (throw "unknown shell '${shell}': bash, zsh and fish can be used"))
          ++ (if wantedLocales == [ ] then [ ] else [ "locales" ])
        );
      chosen = resolver.resolve roots;
      # A group has nothing of its own to merge; it only holds its members together.
      isMember = name: chosen.${name}.package.isDebianPackage or false;
      ordered = concatMap
        (each:
          let members = filter isMember (if isList each then each else [ each ]);
          in
          if members == [ ] then [ ]
          else if builtins.tail members == [ ] then members
          else [ members ])
        (configureOrder [ [ "base-passwd" "base-files" ] index.meta.essential ] chosen);
      member = name:
        let package = chosen.${name}.package;
        in { inherit name; inherit (package) version; path = package.outPath; };
      members = filter isMember (attrNames chosen);
      traits = concatMap (name: traitsOf name chosen.${name}.package) members;
      scripts = {
        skip = collect "skip" traits;
        allowFailure = collect "allowFailure" traits;
        stub = collect "stub" traits;
      };
      links = foldl' (all: each: all // (each.links or { })) { } traits;
      root = derivation {
        inherit name system;
        builder = "builtin:compose-root";
        __structuredAttrs = true;
        inherit (index.meta) architecture;
        packages = map (each: if isList each then map member each else member each) ordered;
        maintainerScripts = scripts;
        locales = wantedLocales;
        inherit links;
        optionalLinks = import ../curated/host-files.nix;
        preConfigure = concatStringsSep "\n" ([ "mkdir -p /usr/share/man/man1 /usr/share/man/man5 /usr/share/man/man7 /usr/share/man/man8 /usr/share/info" ] ++ collect "preConfigure" traits) + "\n";
        postConfigure = concatStringsSep "" (map (text: text + "\n") (collect "postConfigure" traits));
      };
    in
    root // {
      inherit shell;
      # Why each package is there: what the root was asked for, and the nodes of the closure, each with its groups of candidates.
      resolution = {
        nodes = chosen;
        requested = map (value: value.pname) (filter resolver.isPackage values);
        essential = index.meta.essential;
        shell = shellPackages.${shell};
        locales = if wantedLocales == [ ] then [ ] else [ "locales" ];
      };
      # { name; version; } of everything in the root, by name.
      closure = map (name: { inherit name; inherit (chosen.${name}.package) version; }) members;
      path = collect "path" traits;
      variables = foldl' (all: each: all // (each.variables or { })) { } traits;
    };

  mkEnvironment =
    { name ? "environment"
    , packages ? [ ]
    , env ? { }
    , enterShell ? ""
    , shell ? "bash"
    , locales ? [ ]
    , path ? [ ]
    , clean ? false
      # Further store paths that it is to keep.
    , storePaths ? [ ]
    , root ? mkRoot { inherit packages shell locales; }
    }:
    let
      values = map (request: { attr = if isString request then request else request.pname or request.name; value = requested request; }) packages;
      others = filter (each: !(resolver.isPackage each.value)) values;
      version = value: value.version or (elemAt (builtins.attrValues (builtins.parseDrvName value.name)) 1);
      environment = derivation {
        name = storeNameOf name;
        inherit system;
        builder = "builtin:environment";
        __structuredAttrs = true;
        root = if root == null then null else root.outPath;
        inherit enterShell shell clean;
        storePaths = map (each: each.value.outPath) others ++ storePaths;
        path =
          path
          ++ map (each: each.value.outPath + "/bin") others
          ++ (if root == null then [ ] else
            root.path ++ [ "/usr/local/bin" "/usr/bin" "/usr/local/sbin" "/usr/sbin" "/usr/local/games" "/usr/games" ]);
        variables = (if root == null then { } else root.variables) // env;
        packages = map (each: { inherit (each) attr; name = each.value.pname or each.value.name; version = version each.value; }) values;
      };
    in
    environment // { inherit root; };
}
