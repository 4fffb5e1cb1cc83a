# A Debian package as a value: the derivation that unpacks its .deb, with what the resolver wants to know beside it.
#
# `arguments` are the fields of an index record plus `pname`; instead of `url` and `sha256` there may be `src`, any
# derivation or path of a .deb. Package values take part in resolution by their relations; the derivation itself has
# no dependencies (Debian's graph has cycles), only the root that they are merged into depends on all of them.
{ system, meta }:
let
  inherit (builtins) derivation isFunction replaceStrings;

  # Store names know neither `:` nor `~`.
  storeName = replaceStrings [ ":" "~" "%" ] [ "-" "_" "_" ];

  # A file of a Debian archive or of the web, by its hash. `snapshot` is a moment at which Debian's archive had it.
  fetchDeb = { pname, version, architecture, url, sha256, suite ? meta.suite, ... }:
    derivation ({
      name = storeName "${pname}_${version}_${architecture}.deb";
      builder = "builtin:fetchurl";
      system = "builtin";
      inherit url;
      urls = [ url ];
      outputHash = sha256;
      outputHashAlgo = "sha256";
      outputHashMode = "flat";
      executable = false;
      unpack = false;
      preferLocalBuild = true;
    } // (if meta.snapshots ? ${suite} then { snapshot = meta.snapshots.${suite}; } else { }));

  defaults = {
    architecture = "all";
    description = "";
    homepage = "";
    section = "";
    multiArch = "";
    essential = false;
    preDepends = [ ];
    depends = [ ];
    recommends = [ ];
    provides = [ ];
    conflicts = [ ];
    breaks = [ ];
    # What the index worked out for these relations; null once they are changed.
    candidates = null;
    clashes = null;
  };

  make = given:
    let
      arguments = defaults // given;
      inherit (arguments) pname version;
      src = arguments.src or (fetchDeb arguments);
      drv = derivation {
        name = storeName "${pname}-${version}";
        inherit system pname version src;
        builder = "builtin:unpack-deb";
        preferLocalBuild = true;
      };
      change = changes: make (forget changes given // changes);
    in
    drv // {
      inherit pname version src;
      inherit (arguments)
        architecture multiArch essential preDepends depends recommends provides conflicts breaks candidates clashes;
      isDebianPackage = true;
      deb = src;
      unpacked = drv;
      meta = {
        inherit (arguments) description homepage section;
        installedSize = arguments.installedSize or 0;
        source = arguments.source or pname;
        priority = if arguments.essential then "required" else "optional";
      };
      override = changes: change (if isFunction changes then changes (arguments // { inherit src; }) else changes);
      overrideAttrs = f: change (
        let
          old = arguments // { inherit src; };
          first = f old;
        in
        # `overrideAttrs (final: prev: { … })` and `overrideAttrs (old: { … })`; a plain set is taken as it is.
        if !isFunction f then f
        else if isFunction first then
          let
            changes = f (old // changes) old;
          in changes
        else first
      );
    };

  # Drops what the index worked out where it no longer holds.
  forget = changes: given:
    removeAttrs given (
      (if changes ? depends || changes ? preDepends then [ "candidates" ] else [ ])
      ++ (if changes ? version || changes ? conflicts || changes ? breaks || changes ? provides then [ "clashes" ] else [ ])
      ++ (if (changes ? url || changes ? sha256) && !(changes ? src) then [ "src" ] else [ ])
    );
in
{
  makeDebianPackage = make;
  inherit fetchDeb storeName;

  # Several packages (names or values) under one name: nothing of its own, all of theirs.
  makeGroup = pname: members: {
    inherit pname;
    name = pname;
    type = "package-group";
    version = "0";
    isPackageGroup = true;
    architecture = "all";
    multiArch = "";
    candidates = null;
    preDepends = [ ];
    depends = members;
    recommends = [ ];
    provides = [ ];
    conflicts = [ ];
    breaks = [ ];
    clashes = [ ];
  };
}
