/** The shells that are started with the environment inside. Layer 2. */

export type ShellName = "bash" | "zsh" | "fish" | "nu";

export const shellNames: readonly ShellName[] = ["bash", "zsh", "fish", "nu"];
