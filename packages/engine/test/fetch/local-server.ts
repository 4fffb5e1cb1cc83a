/** An HTTP server on the loopback device whose answers a test writes. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface LocalServer {
	readonly url: string;
	/** Requests so far: method, path, `Range` header. */
	readonly requests: readonly { readonly path: string; readonly range: string | undefined }[];
	close(): Promise<void>;
}

export async function localServer(
	answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<LocalServer> {
	const requests: { path: string; range: string | undefined }[] = [];
	const server = createServer((request, response) => {
		requests.push({ path: request.url ?? "", range: request.headers.range });
		answer(request, response);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://127.0.0.1:${port}`,
		requests,
		close: () => {
			server.closeAllConnections();
			return new Promise((resolve) =>
				server.close(() => {
					resolve();
				}),
			);
		},
	};
}

/** Serves `body`, with ranges. */
export function serve(response: ServerResponse, request: IncomingMessage, body: Buffer): void {
	const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? "0");
	if (request.headers.range !== undefined && start < body.length) {
		response.writeHead(206, {
			"content-length": body.length - start,
			"content-range": `bytes ${start}-${body.length - 1}/${body.length}`,
		});
		response.end(body.subarray(start));
		return;
	}
	response.writeHead(200, { "content-length": body.length });
	response.end(body);
}
