/** Nix's name of the machine that this process runs on. Layer 3. */
export function hostSystem(): string {
	const cpu = process.arch === "arm64" ? "aarch64" : process.arch === "x64" ? "x86_64" : process.arch;
	return `${cpu}-${process.platform}`;
}
