/**
 * The default package set, written in the Nix language. This module only tells where it lies; the engine gives the
 * folder to the evaluator. The entry point is `default.nix`:
 *
 *     { index, system ? builtins.currentSystem, overlays ? [ ], config ? { } }: { <package> = …; lib; mkRoot; mkEnvironment; … }
 */

import { fileURLToPath } from "node:url";

/** Absolute path of the folder with the package set's Nix files; nothing in it changes at run time. */
export const packageSetFolder: string = fileURLToPath(new URL("../nix", import.meta.url));

/** Absolute path of the entry point, a function of `{ index, system?, overlays?, config? }`. */
export const packageSetEntry: string = fileURLToPath(new URL("../nix/default.nix", import.meta.url));

/** The layout version of the index object that the Nix code reads (`format` in its `meta.json`). */
export const INDEX_FORMAT = 1;
