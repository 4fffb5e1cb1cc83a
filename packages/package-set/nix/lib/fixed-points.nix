# Fixed points and overlays, as Nixpkgs users know them.
let
  inherit (builtins) attrNames concatLists foldl' isFunction isPath isString;
in
rec {
  fix = f: let x = f x; in x;

  extends = overlay: f: final:
    let prev = f final;
    in prev // overlay final prev;

  composeExtensions = first: second: final: prev:
    let changed = first final prev;
    in changed // second final (prev // changed);

  composeManyExtensions = overlays: foldl' composeExtensions (final: prev: { }) overlays;

  # The set that `base` gives with `overlays` over it, and the names that the overlays define. An overlay is
  # `final: prev: { … }`, or the path of a file that holds one.
  fixWithOverlays = base: overlays:
    let
      functions = map (overlay: if isPath overlay || isString overlay then import overlay else overlay) overlays;
      step = state: overlay:
        let changed = overlay final state.set;
        in {
          set = state.set // changed;
          layers = state.layers ++ [ changed ];
        };
      result = foldl' step { set = base final; layers = [ ]; } functions;
      final = result.set // { __overlayNames = concatLists (map attrNames result.layers); };
    in
    assert builtins.all (overlay: isFunction overlay || throw "an overlay must be a function 'final: prev: { … }'") functions;
    final;

  # Calls a function (or a file that holds one) with the arguments that it names, taken from `available` unless given.
  # The result has `override`, which calls it again with changed arguments.
  callPackageWith = available: function: given:
    let
      f = if isFunction function then function else import function;
      wanted = builtins.functionArgs f;
      missing = builtins.filter (name: !wanted.${name} && !(available ? ${name}) && !(given ? ${name})) (attrNames wanted);
    in
    if missing != [ ] then throw "callPackage: no package for the argument '${builtins.head missing}'"
    else makeOverridable f (builtins.intersectAttrs wanted available // given);

  makeOverridable = f: arguments:
    let
      result = f arguments;
      override = change: makeOverridable f (arguments // (if isFunction change then change arguments else change));
    in
    if builtins.isAttrs result then result // { inherit override; } else result;
}
