/** The daemon: sockets, sessions, requests, around one engine. Layer 4. */

export { Daemon, type DaemonOptions, type DaemonService } from "./daemon.ts";
export { WorkerClients, type WorkerClientsOptions } from "./worker-protocol/worker-clients.ts";
export { handle, type Handler, type RequestContext } from "./handler.ts";
export { type Log, type LogFields, type LogLevel, type LogOptions, openLog } from "./log.ts";
