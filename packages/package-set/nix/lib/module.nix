# env.nix of a project: a set of env.yaml's options, or a function of some of
#
#   pkgs     the package set with the project's overlays and overrides
#   lib      pkgs.lib
#   profile  the name of the profile that is chosen, "default" without one
#   config   what env.yaml says and this file adds, merged
#
# that gives one. `declared` is what env.yaml says, as plain data.
{ file, pkgs, profile, declared }:
let
  inherit (builtins) functionArgs intersectAttrs isAttrs isFunction isList mapAttrs;

  isPlain = value: isAttrs value && !(value ? type) && !(value ? isDebianPackage);
  # As files of env.yaml are merged: values win, lists are appended.
  merge = before: after:
    if isPlain before && isPlain after then before // mapAttrs (name: value: if before ? ${name} then merge before.${name} value else value) after
    else if isList before && isList after then before ++ after
    else after;

  module = import file;
  available = { inherit pkgs profile; inherit (pkgs) lib; config = merge declared result; };
  wanted = functionArgs module;
  result =
    if !isFunction module then module
    else module (if wanted == { } then available else intersectAttrs wanted available);
in
result
