# Debian versions, `[epoch:]upstream[-revision]`, in dpkg's order (Debian Policy 5.6.12).
#
# Each version is turned into a key: a string whose byte order is the versions' order. A part of the version alternates
# between text and numbers. Text is written with its letters as they are, other characters after the letters, and ends
# with a byte that only `~` sorts before; a number is its digits without leading zeros, behind a character for their count.
let
  inherit (builtins) concatStringsSep elemAt foldl' genList head isString length match replaceStrings split stringLength substring;

  lengths = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  longest = stringLength lengths - 1;
  lengthKey = count: if count < longest then substring count 1 lengths else "z" + lengthKey (count - longest);

  numberKey = digits:
    let significant = head (match "0*([0-9]*)" digits);
    in lengthKey (stringLength significant) + significant;

  # `\t` sorts before `\n` (the end of a text), `{` and the rest after `z`.
  textKey = text: replaceStrings [ "~" "+" "-" "." ":" ] [ "\t" "{" "|" "}" "~" ] text + "\n";

  # `split` gives text, [ digits ], text, …, text: a last text that is not empty counts as followed by the number 0.
  partKey = part:
    let
      pieces = split "([0-9]+)" (if part == "" then "0" else part);
      last = elemAt pieces (length pieces - 1);
      piecesKey = concatStringsSep "" (map (piece: if isString piece then textKey piece else numberKey (head piece)) pieces);
    in
    if last == "" then piecesKey else piecesKey + "0\n";

  versionKey = version:
    let
      epoch = match "([0-9]*):(.*)" version;
      rest = if epoch == null then version else elemAt epoch 1;
      revision = match "(.*)-([^-]*)" rest;
    in
    numberKey (if epoch == null then "" else head epoch)
    + partKey (if revision == null then rest else head revision)
    + partKey (if revision == null then "" else elemAt revision 1);

  # -1, 0 or 1 as `a` is older than, equal to or newer than `b`.
  compare = a: b:
    if a == b then 0
    else
      let
        keyA = versionKey a;
        keyB = versionKey b;
      in
      if keyA < keyB then -1 else if keyB < keyA then 1 else 0;
in
{
  inherit compare;

  # Whether `version relation bound` holds; the obsolete `<` and `>` mean `<=` and `>=`.
  satisfies = version: relation: bound:
    let order = compare version bound;
    in
    if relation == ">=" || relation == ">" then order >= 0
    else if relation == "=" then order == 0
    else if relation == "<<" then order < 0
    else if relation == "<=" || relation == "<" then order <= 0
    else if relation == ">>" then order > 0
    else throw "unknown version relation '${relation}'";
}
