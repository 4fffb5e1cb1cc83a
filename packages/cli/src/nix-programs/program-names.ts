/** The drop-ins that evaluate nothing, by the names of Nix's programs. Layer 5. */

export const storePrograms: readonly string[] = ["nix-store", "nix-hash", "nix-collect-garbage"];
