/**
 * The attributes of a `builtin:compose-root` derivation, which the package set writes as `__structuredAttrs` JSON.
 *
 * Everything that dpkg knows of a package (Replaces, Multi-Arch, triggers) is read from its control files in the unpacked
 * object and is not repeated here.
 */

/** One package of the closure: an output of `builtin:unpack-deb`. */
export interface ComposeMember {
	/** Debian's name. */
	readonly name: string;
	/** Debian's version, epoch included. */
	readonly version: string;
	/** Store path of the unpacked package. */
	readonly path: string;
}

/** What may happen in maintainer scripts. Names are Debian's package names. */
export interface MaintainerScriptPolicy {
	/** Packages whose postinst is not run at all. */
	readonly skip?: readonly string[];
	/** Packages whose failing postinst is reported and passed over. */
	readonly allowFailure?: readonly string[];
	/** Commands that only leave a note that they were called, beside the built-in list (`systemctl`, …). */
	readonly stub?: readonly string[];
	/** Wall-clock seconds for all scripts together; default 1800. */
	readonly timeout?: number;
}

export interface ComposeRootAttributes {
	/** Logical output paths by output name, as structured attributes have it. */
	readonly outputs: { readonly out: string };
	/** Debian's architecture of the root: `amd64`, `arm64`. */
	readonly architecture: string;
	/**
	 * The closure in the order of configuration: a package comes after what it depends on. A nested list is a cycle of
	 * dependencies; of its packages, those without a postinst count as configured first, the rest go in the order given.
	 */
	readonly packages: readonly (ComposeMember | readonly ComposeMember[])[];
	readonly maintainerScripts?: MaintainerScriptPolicy;
	/** Locales to generate, such as `en_US.UTF-8`; needs the package `locales` in the root. `C.UTF-8` is always there. */
	readonly locales?: readonly string[];
	/** Symbolic links to make in the end: absolute path in the root → target. An existing path is an error. */
	readonly links?: Readonly<Record<string, string>>;
	/** The same, left out where the root has something at the path, or no place for it. */
	readonly optionalLinks?: Readonly<Record<string, string>>;
	/** Text of a POSIX shell script, run in the sandbox as root of the root before and after the maintainer scripts. */
	readonly preConfigure?: string;
	readonly postConfigure?: string;
}
