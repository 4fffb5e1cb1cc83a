/**
 * Names of packages elsewhere (nixpkgs, devbox, asdf and mise, docker images) as names here. Layer 5 (pure). What is not
 * listed is tried as it is; whether a candidate exists is asked of the package set.
 */

const known: ReadonlyMap<string, readonly string[]> = new Map(
	Object.entries({
		node: ["nodejs"],
		nodejs: ["nodejs"],
		"nodejs-slim": ["nodejs"],
		pnpm: ["pnpm"],
		yarn: ["yarnpkg"],
		corepack: ["nodejs"],
		go: ["golang-go"],
		golang: ["golang-go"],
		gotools: ["golang-golang-x-tools"],
		rust: ["rustc"],
		rustc: ["rustc"],
		rustup: ["rustup", "rustc"],
		clippy: ["rust-clippy"],
		"rust-analyzer": ["rust-analyzer"],
		java: ["default-jdk-headless"],
		jdk: ["default-jdk-headless"],
		jdk_headless: ["default-jdk-headless"],
		openjdk: ["default-jdk-headless"],
		temurin: ["default-jdk-headless"],
		jre: ["default-jre-headless"],
		erlang: ["erlang-nox"],
		ghc: ["ghc"],
		php: ["php-cli"],
		phpcomposer: ["composer"],
		ruby: ["ruby"],
		bundler: ["bundler"],
		perl: ["perl"],
		lua: ["lua5.4"],
		python: ["python3"],
		pip: ["python3-pip"],
		virtualenv: ["python3-virtualenv"],
		poetry: ["python3-poetry"],
		gcc: ["gcc"],
		stdenv: ["build-essential"],
		clang: ["clang"],
		"clang-tools": ["clangd"],
		lldb: ["lldb"],
		gnumake: ["make"],
		gnused: ["sed"],
		gnutar: ["tar"],
		gnugrep: ["grep"],
		gawk: ["gawk"],
		coreutils: ["coreutils"],
		ninja: ["ninja-build"],
		"pkg-config": ["pkgconf"],
		pkgconfig: ["pkgconf"],
		autoconf: ["autoconf"],
		libtool: ["libtool"],
		openssl: ["libssl-dev"],
		zlib: ["zlib1g-dev"],
		bzip2: ["libbz2-dev"],
		xz: ["liblzma-dev"],
		zstd: ["libzstd-dev"],
		curl: ["curl"],
		libffi: ["libffi-dev"],
		libxml2: ["libxml2-dev"],
		libxslt: ["libxslt1-dev"],
		libyaml: ["libyaml-dev"],
		readline: ["libreadline-dev"],
		ncurses: ["libncurses-dev"],
		gmp: ["libgmp-dev"],
		icu: ["libicu-dev"],
		libpq: ["libpq-dev"],
		sqlite: ["sqlite3"],
		postgresql: ["postgresql"],
		postgres: ["postgresql"],
		mysql: ["default-mysql-server"],
		mariadb: ["mariadb-server"],
		redis: ["redis-server"],
		memcached: ["memcached"],
		docker: ["docker-cli"],
		"docker-compose": ["docker-compose"],
		awscli: ["awscli"],
		awscli2: ["awscli"],
		terraform: ["terraform"],
		fd: ["fd-find"],
		rg: ["ripgrep"],
		ag: ["silversearcher-ag"],
		delta: ["git-delta"],
		gh: ["gh"],
		"github-cli": ["gh"],
		protobuf: ["protobuf-compiler"],
		imagemagick: ["imagemagick"],
		dnsutils: ["bind9-dnsutils"],
		iproute2: ["iproute2"],
		neovim: ["neovim"],
		shellcheck: ["shellcheck"],
		buildpack: ["build-essential"],
	}),
);

/** Packages for a name, perhaps with a version in it (`nodejs_22`, `jdk21`, `python312`, `postgresql@16`). */
export function packagesFor(name: string): string[] {
	const plain = name.toLowerCase();
	const direct = known.get(plain);
	if (direct !== undefined) return [...direct];
	const [, stem = plain, version = ""] = /^(.*?)[-_@.]?(\d[\d._]*)?$/.exec(plain) ?? [];
	const major = version.replace(/[._].*$/, "");
	const candidates: string[] = [];
	if (stem === "python" || stem === "python3") {
		const minor = /^3[._]?(\d+)/.exec(version)?.[1];
		if (minor !== undefined) candidates.push(`python3.${minor}`);
		candidates.push("python3");
	} else if (["jdk", "openjdk", "java", "temurin"].includes(stem) && major !== "") {
		candidates.push(`openjdk-${major}-jdk-headless`, "default-jdk-headless");
	} else if (version === "") {
		// A library of that name comes as a -dev package.
		candidates.push(plain, plain.replaceAll("_", "-"), `lib${plain.replace(/^lib/, "")}-dev`);
	} else {
		candidates.push(plain, `${stem}-${major}`, ...(known.get(stem) ?? [stem]));
	}
	return [...new Set(candidates)].filter((each) => /^[a-z0-9][a-z0-9+.-]*$/.test(each));
}
