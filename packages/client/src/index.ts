/** How a program talks to the daemon: connect or start, handshake, typed calls. Layer 2. */

export { connectOrStart, type ConnectOptions } from "./connect-or-start.ts";
export { type CallOptions, DaemonClient } from "./daemon-client.ts";
export { installationVersion } from "./installation-version.ts";
export { FramingError, MessageStream, type MessageStreamEvents } from "./message-stream.ts";
export { withRuntimeLock } from "./runtime-lock.ts";
export { openSocketAddress, type SocketAddress } from "./socket-address.ts";
export type { DaemonCommand, StartReport } from "./start-daemon.ts";
export { OWN_STORE_MARKER, userLayout } from "./user-layout.ts";
