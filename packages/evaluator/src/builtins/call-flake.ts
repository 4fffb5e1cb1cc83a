/**
 * What `getFlake` does, as an expression of the language. Layer 1, pure.
 *
 * Inputs that `flake.lock` has as they are declared are those of the lock; any other is fetched as it is now (which pure evaluation
 * refuses), with its own lock. Source: Nix manual, "nix flake", "Lock files" and "Flake inputs".
 */

/** Where the expression appears to lie. */
export const callFlakeFile: string = "/__corepkgs__/call-flake.nix";

export const callFlake: string = String.raw`{ input, fetchInput }:

let
  inherit (builtins)
    elemAt filter fromJSON functionArgs head isFunction isList isString length listToAttrs
    mapAttrs match parseFlakeRef pathExists readFile split substring tail;

  under = folder: path: if path == "" then folder else folder + "/" + path;

  # "./a" in "b" is "b/a".
  joined = dir: path:
    let
      words = filter (word: isString word && word != "" && word != ".") (split "/" (under dir path));
      step = done: word:
        if word != ".." then done ++ [ word ]
        else if done == [ ] then throw "the flake input '\${path}' leads out of its source tree"
        else builtins.genList (elemAt done) (length done - 1);
    in
    builtins.concatStringsSep "/" (builtins.foldl' step [ ] words);

  # The file that makes a folder a flake.
  flakeOf = folder:
    let file = folder + "/flake.nix"; in
    if pathExists file then import file else throw "source tree '\${folder}' does not contain a '/flake.nix' file";

  isRelative = path: substring 0 1 path != "/";

  # The outputs of a flake with what is known of its source; of a tree that is no flake, its source alone.
  evaluated = { source, dir, isFlake, inputs }:
    let
      folder = under source.outPath dir;
      flake = flakeOf folder;
      outputs = flake.outputs (inputs // { self = result; });
      result = outputs // source // {
        outPath = folder;
        inherit inputs outputs;
        sourceInfo = source;
        _type = "flake";
      };
    in
    if !isFlake then source // { outPath = folder; sourceInfo = source; }
    else if !(isFunction (flake.outputs or null)) then throw "the flake in '\${folder}' has no function 'outputs'"
    else result;

  # The nodes of a lock file, each evaluated, by their keys; the root's are inputs of the flake that it lies in.
  lockedNodes = { lock, source, dir }:
    let
      target = reference: if isList reference then followed lock.root reference else reference;
      followed = key: path:
        if path == [ ] then key
        else followed (target lock.nodes.\${key}.inputs.\${head path}) (tail path);
      places = mapAttrs place lock.nodes;
      place = key: node:
        let
          above = places.\${followed lock.root node.parent};
          path = node.locked.path;
        in
        if key == lock.root then { inherit source dir; }
        else if node.locked.type == "path" && isRelative path then
          if node ? parent then { inherit (above) source; dir = joined above.dir path; }
          else { inherit source; dir = joined dir path; }
        else { source = fetchInput node.locked; dir = node.locked.dir or ""; };
      nodes = mapAttrs
        (key: node: evaluated {
          inherit (places.\${key}) source dir;
          isFlake = node.flake or true;
          inputs = mapAttrs (_: reference: nodes.\${target reference}) (node.inputs or { });
        })
        lock.nodes;
    in
    { inherit nodes target; };

  # How an input is declared, as the attributes of a reference.
  declaration = name: spec:
    if spec ? url then
      if match "\\.\\.?(/.*)?" spec.url != null then { type = "path"; path = spec.url; } else parseFlakeRef spec.url
    else if spec ? type then removeAttrs spec [ "inputs" "flake" "follows" ]
    else { type = "indirect"; id = name; };

  # given: inputs that are decided by the flake that has this one as an input.
  opened = { source, dir, given ? { } }:
    let
      folder = under source.outPath dir;
      flake = flakeOf folder;
      lockFile = folder + "/flake.lock";
      lock = if pathExists lockFile then fromJSON (readFile lockFile) else { nodes.root = { }; root = "root"; };
      locked = lockedNodes { inherit lock source dir; };
      references = lock.nodes.\${lock.root}.inputs or { };
      named = mapAttrs (_: _: { }) (if isFunction (flake.outputs or null) then functionArgs flake.outputs else { });
      inputs = mapAttrs chosen (removeAttrs (named // (flake.inputs or { })) [ "self" ]);

      chosen = name: spec:
        if given ? \${name} then given.\${name}
        else if spec ? follows then followed inputs spec.follows
        else if isLocked name spec then locked.nodes.\${locked.target references.\${name}}
        else fresh name spec;

      isLocked = name: spec:
        references ? \${name} && isString references.\${name}
        && (lock.nodes.\${references.\${name}}.original or null) == declaration name spec;

      followed = set: path:
        let
          words = filter (word: isString word && word != "") (split "/" path);
          step = from: word: from.inputs.\${word};
        in
        builtins.foldl' step { inputs = set; } words;

      fresh = name: spec:
        let
          reference = declaration name spec;
          own = reference.type == "path" && isRelative reference.path;
          place =
            if own then { inherit source; dir = joined dir reference.path; }
            else { source = fetchInput reference; dir = reference.dir or ""; };
          isFlake = spec.flake or true;
          override = inner: each: if each ? follows then followed inputs each.follows else fresh inner each;
          changes = listToAttrs (
            builtins.concatMap
              (inner:
                let each = spec.inputs.\${inner}; in
                if each ? follows || each ? url || each ? type
                then [ { name = inner; value = override inner each; } ]
                else [ ])
              (builtins.attrNames (spec.inputs or { }))
          );
        in
        if isFlake then opened (place // { given = changes; })
        else evaluated (place // { isFlake = false; inputs = { }; });
    in
    evaluated { inherit source dir inputs; isFlake = true; };
in
opened { source = fetchInput input; dir = input.dir or ""; }
`.replaceAll("\\$", "$");
