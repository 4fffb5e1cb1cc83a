/** What clean shells keep out of the caller's environment. Layer 4. */

import { createHash } from "node:crypto";
import type { PrepareParams } from "@devenv/protocol";
import type { ActivationRequest } from "@devenv/shell";
import type { ShellSettings } from "./history/generation-record.ts";

/**
 * What a clean shell has of the caller's all the same: who he is, his terminal and display, language, time zone and proxies, much as
 * `nix-shell --pure` keeps them.
 */
const alwaysKept: readonly string[] = [
	...["HOME", "USER", "LOGNAME", "SHLVL", "TERM", "COLORTERM", "NO_COLOR", "PAGER", "TZ"],
	...["LANG", "LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"],
	...["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "XDG_SESSION_TYPE"],
	...["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE"],
];

/** What a shell keeps out, and the name of its stamp where that is other than env.yaml says. */
export function cleanliness(
	{ clean, keep = [] }: PrepareParams,
	settings: Pick<ShellSettings, "clean" | "keep">,
): Pick<ActivationRequest, "clean" | "variant"> {
	const isClean = clean ?? settings.clean;
	const chosen = keep.length === 0 ? "" : `-${createHash("sha256").update(keep.join()).digest("hex").slice(0, 8)}`;
	const variant = isClean === settings.clean && chosen === "" ? "" : `-${isClean ? "pure" : "open"}${chosen}`;
	return isClean ? { clean: { keep: [...new Set([...alwaysKept, ...settings.keep, ...keep])] }, variant } : { variant };
}
