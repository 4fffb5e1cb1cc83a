/** Gemfile (bundler's language, of which plain `ruby` and `gem` lines are read) and composer.json. Layer 5 (pure). */

import { isObject, jsonObject, keysOf, type Reading, wish, type Wish } from "./reading.ts";

const gems: ReadonlyMap<string, readonly string[]> = new Map([
	["pg", ["libpq-dev"]],
	["mysql2", ["default-libmysqlclient-dev"]],
	["trilogy", []],
	["sqlite3", ["libsqlite3-dev", "pkgconf"]],
	["nokogiri", ["libxml2-dev", "libxslt1-dev", "zlib1g-dev", "pkgconf"]],
	["ffi", ["libffi-dev"]],
	["psych", ["libyaml-dev"]],
	["rails", ["libyaml-dev"]],
	["rmagick", ["libmagickwand-dev", "pkgconf"]],
	["image_processing", ["libvips42t64"]],
	["puma", []],
	["bcrypt", []],
	["bootsnap", []],
	["debug", []],
]);

export function readGemfile(text: string): Reading {
	const version = /^\s*ruby\s+["']([^"']+)["']/m.exec(text)?.[1];
	const names = [...text.matchAll(/^\s*gem\s+["']([\w.-]+)["']/gm)].map(([, name = ""]) => name);
	const wishes: Wish[] = [wish(version === undefined ? "ruby" : `ruby ${version}`, "ruby"), wish("bundler", "bundler")];
	const native = names.filter((name) => gems.has(name));
	for (const name of native) for (const each of gems.get(name) ?? []) wishes.push(wish(name, each));
	if (native.length > 0) {
		const why = `${native.join(", ")} (compiled)`;
		for (const each of ["ruby-dev", "gcc", "make"]) wishes.push(wish(why, each));
	}
	return { wishes, env: [], remarks: names.length === 0 ? [] : [`${names.length} gems are installed by bundler`] };
}

/** Extensions that php-cli has built in, or brings by php-common. */
const builtIn: ReadonlySet<string> = new Set(
	(
		"core ctype date fileinfo filter ftp gettext hash iconv json openssl pcntl pcre pdo phar posix random reflection " +
		"session sockets sodium spl standard sysvmsg sysvsem sysvshm tokenizer zlib calendar exif ffi shmop opcache readline"
	).split(" "),
);

/** Extensions whose package has another name. */
const extensions: ReadonlyMap<string, string> = new Map([
	["dom", "php-xml"],
	["simplexml", "php-xml"],
	["xmlreader", "php-xml"],
	["xmlwriter", "php-xml"],
	["libxml", "php-xml"],
	["xsl", "php-xml"],
	["pdo_pgsql", "php-pgsql"],
	["pdo_mysql", "php-mysql"],
	["mysqli", "php-mysql"],
	["pdo_sqlite", "php-sqlite3"],
]);

export function readComposerJson(text: string): Reading {
	const file = jsonObject(text);
	const required = ["require", "require-dev"].flatMap((key) => keysOf(file[key]));
	const version = isObject(file["require"]) ? file["require"]["php"] : undefined;
	const php = typeof version === "string" ? `php ${version}` : "php";
	const wishes: Wish[] = [wish(php, "php-cli"), wish("composer", "composer")];
	for (const each of required) {
		const extension = /^ext-(.+)$/.exec(each)?.[1]?.toLowerCase();
		if (extension === undefined || builtIn.has(extension)) continue;
		wishes.push(wish(each, extensions.get(extension) ?? `php-${extension}`));
	}
	const libraries = required.filter((each) => each.includes("/")).length;
	return { wishes, env: [], remarks: libraries === 0 ? [] : [`${libraries} packages are installed by composer`] };
}
