/** The drop-ins that evaluate nothing in this thread, by the names of Nix's programs. Layer 5. */

export const storePrograms: readonly string[] = [
	"nix-store",
	"nix-hash",
	"nix-collect-garbage",
	"nix-prefetch-url",
	"nix-copy-closure",
	"nix-build",
];
