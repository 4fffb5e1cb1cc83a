/** Services: processes that devenv knows how to set up. Layer 1 (pure). */

import type { Located, PackageRequest } from "./env-spec.ts";
import type { ProcessSpec } from "./process-spec.ts";

interface ServiceDeclaration {
	readonly enable?: boolean;
	readonly package?: Located<string>;
	/** `auto`: any free one. */
	readonly port?: number | "auto";
	readonly settings?: readonly (readonly [string, Located<string>])[];
}

export interface PostgresDeclaration extends ServiceDeclaration {
	readonly databases?: readonly Located<string>[];
}

export type RedisDeclaration = ServiceDeclaration;

export interface ServicesDeclaration {
	readonly postgres?: PostgresDeclaration;
	readonly redis?: RedisDeclaration;
}

/** A variable whose value holds folders that only entering knows: `$DEVENV_RUNTIME` and `$DEVENV_STATE`. */
export interface ServiceVariable {
	readonly name: string;
	readonly value: string;
}

/** What a service comes down to. */
export interface ServiceParts {
	readonly packages: readonly PackageRequest[];
	readonly process: ProcessSpec;
	/** Set in every shell of the project. */
	readonly variables: readonly ServiceVariable[];
}

/** The services of a declaration; `request` makes a package request of the default input's package. */
export function expandServices(
	services: ServicesDeclaration,
	request: (attr: Located<string>) => PackageRequest,
): ServiceParts[] {
	const { postgres, redis } = services;
	return [
		...(postgres === undefined || postgres.enable === false ? [] : [expandPostgres(postgres, request)]),
		...(redis === undefined || redis.enable === false ? [] : [expandRedis(redis, request)]),
	];
}

/** A text as one word of a POSIX shell. */
function quote(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

const common = {
	after: [],
	restart: { policy: "on_failure", most: 5, backoff: 1 },
	env: [],
	cwd: "",
} as const;

/** The longest path that the address of a Unix socket holds, in bytes (unix(7): 108 with the NUL). */
const SOCKET_LIMIT = 107;

/** Shell text that refuses a socket whose path no address can hold. */
function checkSocket(socket: string): string {
	return `socket=${socket}
if [ "$(printf %s "$socket" | wc -c)" -gt ${SOCKET_LIMIT} ]; then
	echo "the path of the socket is longer than ${SOCKET_LIMIT} bytes: $socket" >&2
	echo "set XDG_RUNTIME_DIR or DEVENV_HOME to a shorter folder" >&2
	exit 78
fi`;
}

function expandPostgres(
	{ package: from, port, databases = [], settings = [] }: PostgresDeclaration,
	request: (attr: Located<string>) => PackageRequest,
): ServiceParts {
	const options = settings.flatMap(([name, { value: text }]) => ["-c", quote(`${name}=${text}`)]);
	const listen = port === undefined ? "-c listen_addresses=" : '-c listen_addresses=127.0.0.1 -p "$PORT"';
	const made = databases.map(({ value: name }) => `create database "${name}";`).join("\n");
	const exec = `set -eu
data=$DEVENV_STATE/postgres
sockets=$DEVENV_RUNTIME/postgres
${checkSocket('"$sockets/.s.PGSQL.5432"')}
mkdir -p "$sockets"
chmod 700 "$sockets"
server=$(postgres --version | sed 's/[^0-9]*\\([0-9]*\\).*/\\1/')
if [ -e "$data/PG_VERSION" ] && [ "$(cat "$data/PG_VERSION")" != "$server" ]; then
	echo "the data in $data are those of PostgreSQL $(cat "$data/PG_VERSION"), and this is PostgreSQL $server" >&2
	echo "dump them with the old version and read them in with this one, or move the folder away to begin anew" >&2
	exit 78
fi
if [ ! -e "$data" ]; then
	# Made aside and moved in place, so that what is there is whole.
	rm -rf "$data.new"
	initdb --pgdata="$data.new" --username="$PGUSER" --auth=trust --encoding=UTF8 --no-locale --no-sync --no-instructions >/dev/null
${
	made === ""
		? ""
		: `	postgres --single -D "$data.new" postgres >/dev/null <<'END'
${made}
END
`
}	sync -f "$data.new"
	mv -T "$data.new" "$data"
fi
exec postgres -D "$data" -k "$sockets" ${listen}${options.length === 0 ? "" : ` ${options.join(" ")}`}
`;
	return {
		packages: [request(from ?? { value: "postgresql" })],
		variables: [
			{ name: "PGHOST", value: "$DEVENV_RUNTIME/postgres" },
			{ name: "PGUSER", value: "postgres" },
			{ name: "PGDATA", value: "$DEVENV_STATE/postgres" },
		],
		process: {
			...common,
			name: "postgres",
			exec,
			description: "PostgreSQL",
			ready: { check: { kind: "exec", exec: "pg_isready --quiet" }, interval: 1, timeout: 60 },
			ports: port === undefined ? [] : [{ name: "server", port }],
			// "Fast" shutdown: clients are sent away, nothing is lost.
			stop: { signal: "INT", timeout: 30 },
		},
	};
}

function expandRedis(
	{ package: from, port, settings = [] }: RedisDeclaration,
	request: (attr: Located<string>) => PackageRequest,
): ServiceParts {
	const options = settings.map(([name, { value }]) => `--${name} ${quote(value)}`);
	const exec = `set -eu
data=$DEVENV_STATE/redis
sockets=$DEVENV_RUNTIME/redis
${checkSocket('"$sockets/redis.sock"')}
mkdir -p "$data" "$sockets"
chmod 700 "$data" "$sockets"
exec redis-server --dir "$data" --unixsocket "$socket" --unixsocketperm 700 --daemonize no --bind 127.0.0.1 --port ${
		port === undefined ? "0" : '"$PORT"'
	}${options.length === 0 ? "" : ` ${options.join(" ")}`}
`;
	return {
		packages: [request(from ?? { value: "redis-server" })],
		variables: [{ name: "REDIS_URL", value: "unix://$DEVENV_RUNTIME/redis/redis.sock" }],
		process: {
			...common,
			name: "redis",
			exec,
			description: "Redis",
			ready: {
				check: { kind: "exec", exec: 'test "$(redis-cli -s "$DEVENV_RUNTIME/redis/redis.sock" ping)" = PONG' },
				interval: 1,
				timeout: 60,
			},
			ports: port === undefined ? [] : [{ name: "server", port }],
			stop: { signal: "TERM", timeout: 30 },
		},
	};
}
