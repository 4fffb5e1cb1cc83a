# The packages of a folder of Nix files, such as a nixpkgs tree: what its default.nix gives, a set or a function of some of
#
#   pkgs      the Debian package set of the environment, with its overlays
#   lib       pkgs.lib
#   system    x86_64-linux or aarch64-linux
#   config    {}: what nixpkgs is configured by
#   overlays  those of the input, as functions
{ source, system, pkgs, overlays }:
let
  inherit (builtins) functionArgs intersectAttrs isFunction;

  value = import source;
  available = {
    inherit pkgs system;
    inherit (pkgs) lib;
    config = { };
    overlays = map (overlay: import overlay) overlays;
  };
in
if isFunction value then value (intersectAttrs (functionArgs value) available) else value
