# The default package set: every package of a pinned Debian archive as a lazy attribute, a curated layer over it, and the
# functions that make an environment of some of them.
#
# Arguments:
#   index     the index object (a store path): everything that is known of the archive
#   system    x86_64-linux or aarch64-linux; the index must be of the same system
#   overlays  functions `final: prev: { … }`, or files that hold one, applied in their order
#   overrides changes of packages by name, as their `override` takes them; applied after the overlays
#   config    reserved
#
# Attributes: Debian's package names, curated aliases, and
#   mkRoot { packages; shell?; locales?; }          the root of an environment
#   mkEnvironment { name?; packages; env?; enterShell?; shell?; locales?; path?; clean?; storePaths?; root?; }
#   makeDebianPackage { pname; version; src | url+sha256; depends?; … }
#   callPackage, lib, system, index
#
# Only builtins that Nix 2.8 has, and nothing that depends on the machine: real Nix instantiates the same derivations.
{ index, system ? builtins.currentSystem, overlays ? [ ], overrides ? { }, config ? { } }:
let
  inherit (builtins) filter mapAttrs;

  fixedPoints = import ./lib/fixed-points.nix;
  preferences = import ./curated/preferences.nix;
  traitsOf = import ./curated/traits.nix;
  packageIndex = import ./lib/package-index.nix index;

  packages = import ./lib/make-package.nix {
    inherit system;
    inherit (packageIndex) meta;
  };

  checkedVersions =
    if packageIndex.meta.system == system then packageIndex.versions
    else throw "the package index is for ${packageIndex.meta.system}, not for ${system}";

  archive = mapAttrs
    (name: version: packages.makeDebianPackage ({ pname = name; candidates = [ ]; clashes = [ ]; } // preferences.adjustRecord name (packageIndex.record name)))
    checkedVersions;

  functions = final:
    let
      resolver = import ./lib/resolve.nix {
        inherit final archive;
        index = packageIndex;
        overlayNames = final.__overlayNames;
        inherit (preferences) prefer wantedRecommends;
      };
      roots = import ./lib/make-root.nix { inherit final system resolver traitsOf; index = packageIndex; };
    in
    {
      inherit (roots) mkRoot mkEnvironment;
      inherit (packages) makeDebianPackage makeGroup fetchDeb;
      inherit system;
      callPackage = fixedPoints.callPackageWith final;
      lib = {
        inherit (fixedPoints) fix extends composeExtensions composeManyExtensions makeOverridable callPackageWith;
        versions = import ./lib/versions.nix;
        relations = import ./lib/relations.nix;
        # { <name> = { key; package; groups; }; }: what an environment of these packages consists of.
        resolve = requests: resolver.resolve (map roots.requested requests);
        inherit (packageIndex) meta providersOf;
        essential = packageIndex.meta.essential;
      };
    };

  base = final:
    let known = archive // functions final;
    in known // import ./curated/aliases.nix { index = packageIndex; inherit (packages) makeGroup; } final known;
in
fixedPoints.fixWithOverlays base (
  overlays ++ (if overrides == { } then [ ] else [
    (_: prev: mapAttrs
      (name: changes:
        if (prev.${name} or null) ? override then prev.${name}.override changes
        else throw "unknown package '${name}' in overrides")
      overrides)
  ])
)
