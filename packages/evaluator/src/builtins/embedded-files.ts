/** Files that come with the language: `<nix/fetchurl.nix>`. Layer 1, pure. */

import { callFlake, callFlakeFile } from "./call-flake.ts";

/** The folder that embedded files appear to lie in. */
const FOLDER = "/__corepkgs__";

/** Downloads one file with the builder `builtin:fetchurl`; the attributes are those that Nix's own file gives. */
const fetchurl = `{ system ? "" # ignored, kept for old callers
, url
, hash ? "" # SRI
, md5 ? "", sha1 ? "", sha256 ? "", sha512 ? ""
, outputHash ?
    if hash != "" then hash
    else if sha512 != "" then sha512
    else if sha1 != "" then sha1
    else if md5 != "" then md5
    else sha256
, outputHashAlgo ?
    if hash != "" then ""
    else if sha512 != "" then "sha512"
    else if sha1 != "" then "sha1"
    else if md5 != "" then "md5"
    else "sha256"
, executable ? false
, unpack ? false
, name ? baseNameOf (toString url)
, impure ? false
}:

derivation ({
  builder = "builtin:fetchurl";
  system = "builtin";
  outputHashMode = if unpack || executable then "recursive" else "flat";
  inherit name url executable unpack;
  urls = [ url ];
  preferLocalBuild = true;
  impureEnvVars = [ "http_proxy" "https_proxy" "ftp_proxy" "all_proxy" "no_proxy" ];
} // (if impure then { __impure = true; } else { inherit outputHashAlgo outputHash; }))
`;

/** Path → contents, for `import` and `readFile` to ask before the file system. */
export const embeddedFiles: ReadonlyMap<string, string> = new Map([
	[`${FOLDER}/fetchurl.nix`, fetchurl],
	[callFlakeFile, callFlake],
]);

/** The path of `<nix/…>`; undefined where the name does not begin with `nix/`. */
export function embeddedFilePath(name: string): string | undefined {
	return name.startsWith("nix/") ? FOLDER + name.slice("nix".length) : undefined;
}
