/**
 * Programs that maintainer scripts find before the real ones. Layer 3, pure: texts of POSIX shell scripts.
 *
 * Most only note that they were called: a root has no services, no kernel, no boot loader. Accounts and temporary files are made
 * by small scripts of our own, since the real programs ask the running system, take their time, and leave dates behind. Calls
 * that are better done once for the whole root (`py3compile`, certificates, font caches) are noted and done in the end.
 *
 * Owners, user ids and devices need no stub: the sandbox lets those system calls succeed without effect.
 */

/** Where the sandbox sees the stubs and the notes; `/run` of the sandbox is gone afterwards. */
export const stubFolder = "/run/devenv/stubs";
export const notesFolder = "/run/devenv/notes";

/** Commands that only leave a note. */
const silentStubs: readonly string[] = [
	"apt-ftparchive",
	"chage",
	"chpasswd",
	"dbus-uuidgen",
	"deb-systemd-helper",
	"deb-systemd-invoke",
	"delgroup",
	"deluser",
	"depmod",
	"dpkg-preconfigure",
	"dpkg-reconfigure",
	"emacs-install",
	"emacs-package-install",
	"gpasswd",
	"groupdel",
	"groupmod",
	"initctl",
	"install-docs",
	"invoke-rc.d",
	"loadkeys",
	"locale-gen",
	"make-ssl-cert",
	"mandb",
	"modprobe",
	"mount",
	"passwd",
	"pg_createcluster",
	"pg_ctlcluster",
	"policy-rc.d",
	"reload-rules",
	"runlevel",
	"service",
	"setcap",
	"setupcon",
	"ssh-keygen",
	"start-stop-daemon",
	"swapon",
	"sysctl",
	"systemctl",
	"systemd-hwdb",
	"systemd-machine-id-setup",
	"telinit",
	"ucfr",
	"udevadm",
	"umount",
	"update-ca-certificates",
	"update-grub",
	"update-initramfs",
	"update-rc.d",
	"userdel",
];

/** Commands whose calls are noted with their arguments, to be done once in the end. */
const deferredCommands: readonly string[] = ["fc-cache", "ldconfig", "py3compile", "pycompile", "pypy3compile"];

const noteCall = `printf '%s\\t%s' "$DPKG_MAINTSCRIPT_PACKAGE" "\${0##*/}" >>${notesFolder}/calls
for word; do printf ' %s' "$word" >>${notesFolder}/calls; done
printf '\\n' >>${notesFolder}/calls`;

const silent = `#!/bin/sh
${noteCall}
exit 0
`;

/* debhelper's snippets ask whether a unit is installed and enabled: as on a machine without systemd. */
const systemdHelper = `#!/bin/sh
${noteCall}
case $1 in
was-enabled | --quiet) exit 1 ;;
esac
exit 0
`;

const deferred = `#!/bin/sh
printf '%s' "\${0##*/}" >>${notesFolder}/deferred
for word; do printf '\\t%s' "$word" >>${notesFolder}/deferred; done
printf '\\n' >>${notesFolder}/deferred
exit 0
`;

const dpkgTrigger = `#!/bin/sh
# dpkg-trigger [--no-await | --await | --by-package=P | --check-supported] NAME
for word; do
	case $word in
	--*) ;;
	*) printf '%s\\n' "$word" >>${notesFolder}/triggers ;;
	esac
done
exit 0
`;

/* Sourced by the account stubs. Numbers are given out in the order of the calls, which is the order of configuration. */
const accounts = `
free_id() {
	id=100
	while cut -d: -f3 /etc/passwd /etc/group | grep -qx "$id"; do id=$((id + 1)); done
	echo "$id"
}
has() { cut -d: -f1 "$1" | grep -qxF -e "$2"; }
group_id() { while IFS=: read -r name _ id _; do if [ "$name" = "$1" ]; then echo "$id"; fi; done </etc/group; }
# add_group NAME [ID]
add_group() {
	if ! has /etc/group "$1"; then printf '%s:x:%s:\\n' "$1" "\${2:-$(free_id)}" >>/etc/group; fi
}
# add_user NAME ID GROUP-ID COMMENT HOME SHELL
add_user() {
	if ! has /etc/passwd "$1"; then printf '%s:x:%s:%s:%s:%s:%s\\n' "$@" >>/etc/passwd; fi
}
# add_member USER GROUP
add_member() {
	add_group "$2"
	while IFS=: read -r name password id members; do
		if [ "$name" = "$2" ]; then
			case ",$members," in
			*",$1,"*) ;;
			*) members=\${members:+$members,}$1 ;;
			esac
		fi
		printf '%s:%s:%s:%s\\n' "$name" "$password" "$id" "$members"
	done </etc/group >/run/devenv-group
	cat /run/devenv-group >/etc/group
}
`;

const addUser = `#!/bin/sh
# adduser, useradd, addgroup, groupadd, usermod: their options, as far as an account file has room for them.
${noteCall}
${accounts}
program=\${0##*/}
system='' group='' groups='' home='' make_home=yes shell='' comment='' uid='' gid='' only_group='' own_group='' names=''
while [ $# -gt 0 ]; do
	case $1 in
	--*=*)
		option=\${1%%=*}
		value=\${1#*=}
		shift
		set -- "$option" "$value" "$@"
		continue
		;;
	esac
	option=$1
	shift
	case $option in
	--system | -r) system=yes ;;
	--group) if [ "$program" = adduser ]; then own_group=yes; fi ;;
	-U | --user-group) own_group=yes ;;
	--ingroup) group=$1; shift ;;
	-g | --gid)
		if [ "$program" = groupadd ] || [ "$program" = addgroup ]; then gid=$1; else group=$1; fi
		shift
		;;
	-G | --groups) groups=$1; shift ;;
	--home | --home-dir | -d) home=$1; shift ;;
	--no-create-home | -M) make_home='' ;;
	--shell | -s) shell=$1; shift ;;
	--gecos | --comment | -c) comment=$1; shift ;;
	--uid | -u) uid=$1; shift ;;
	-aG | -Ga) groups=$1; shift ;;
	--conf | --firstuid | --lastuid | --firstgid | --lastgid | --base-dir | -b | -k | --skel | -K | --key | -p | --password | -e | -f | -R | --root | -P | --prefix) shift ;;
	-*) ;;
	*) names="$names $option" ;;
	esac
done
# shellcheck disable=SC2086 # account names have no blanks
set -- $names
[ $# -gt 0 ] || exit 0
case $program in
addgroup | groupadd) only_group=yes ;;
esac
if [ "$program" = adduser ] && [ -n "$own_group" ] && [ -z "$system" ]; then only_group=yes; fi
if [ -n "$only_group" ] && [ $# -eq 1 ]; then
	add_group "$1" "$gid"
	exit 0
fi
if { [ "$program" = adduser ] || [ "$program" = addgroup ]; } && [ $# -eq 2 ]; then
	add_member "$1" "$2"
	exit 0
fi
if [ "$program" != usermod ] && ! has /etc/passwd "$1"; then
	: "\${uid:=$(free_id)}"
	case $group in
	'')
		if [ -n "$own_group" ] || [ -z "$system" ] || [ "$program" = useradd ]; then
			add_group "$1" "$uid"
			gid=$(group_id "$1")
		else
			gid=65534
		fi
		;;
	*[!0-9]*) gid=$(group_id "$group") ;;
	*) gid=$group ;;
	esac
	: "\${home:=/nonexistent}"
	: "\${shell:=/usr/sbin/nologin}"
	add_user "$1" "$uid" "\${gid:-65534}" "$comment" "$home" "$shell"
	if [ -n "$make_home" ] && [ "$home" != /nonexistent ] && [ "$program" = adduser ]; then mkdir -p "$home"; fi
fi
old=$IFS
IFS=,
for name in $groups; do add_member "$1" "$name"; done
IFS=$old
exit 0
`;

const sysusers = `#!/bin/sh
# systemd-sysusers [FILE…]: sysusers.d(5)
${noteCall}
${accounts}
fields() {
	# Words of a line, quotes honoured.
	eval "set -- $(printf '%s' "$1" | sed -e 's/[\`$\\\\]/\\\\&/g')"
	type=\${1:-} name=\${2:-} id=\${3:--} comment=\${4:--} home=\${5:--} shell=\${6:--}
}
apply() {
	while IFS= read -r line; do
		case $line in '' | '#'*) continue ;; esac
		fields "$line"
		case $id in -* | /*) id='' ;; esac
		case $type in
		g) add_group "$name" "\${id:-}" ;;
		u | 'u!')
			group=\${id#*:}
			id=\${id%%:*}
			: "\${id:=$(free_id)}"
			case $group in
			'' | "$id") add_group "$name" "$id"; gid=$(group_id "$name") ;;
			*[!0-9]*) gid=$(group_id "$group") ;;
			*) gid=$group ;;
			esac
			[ "$comment" = - ] && comment=''
			[ "$home" = - ] && home=/
			[ "$shell" = - ] && shell=/usr/sbin/nologin
			add_user "$name" "$id" "$gid" "$comment" "$home" "$shell"
			;;
		m) add_member "$name" "$id" ;;
		esac
	done
}
found=''
for word; do
	case $word in
	-*) continue ;;
	/*) file=$word ;;
	*) file=/usr/lib/sysusers.d/$word ;;
	esac
	found=yes
	if [ -f "$file" ]; then apply <"$file"; fi
done
if [ -z "$found" ]; then for file in /usr/lib/sysusers.d/*.conf; do if [ -f "$file" ]; then apply <"$file"; fi; done; fi
exit 0
`;

const tmpfiles = `#!/bin/sh
# systemd-tmpfiles --create [FILE…]: tmpfiles.d(5), what lasts beyond /run and /tmp
${noteCall}
apply() {
	while read -r type path _ _ _ _ argument; do
		case $path in /var/run/* | /run/* | /tmp/* | /var/tmp/* | /dev/* | /proc/* | /sys/* | *%* | *'*'*) continue ;; /*) ;; *) continue ;; esac
		case $type in
		[dDvqQ]*) mkdir -p "$path" ;;
		f*) if [ ! -e "$path" ]; then mkdir -p "\${path%/*}" && printf '%s' "\${argument#-}" >"$path"; fi ;;
		L*) if [ ! -e "$path" ] && [ ! -L "$path" ]; then mkdir -p "\${path%/*}" && ln -s "$argument" "$path"; fi ;;
		C*) if [ ! -e "$path" ] && [ -e "\${argument:-/usr/share/factory$path}" ]; then cp -r "\${argument:-/usr/share/factory$path}" "$path"; fi ;;
		esac
	done
}
for word; do
	case $word in
	-*) continue ;;
	/*) file=$word ;;
	*) file=/usr/lib/tmpfiles.d/$word ;;
	esac
	if [ -f "$file" ]; then apply <"$file"; fi
done
exit 0
`;

const ucf = `#!/bin/sh
# ucf [OPTION…] NEW DESTINATION: in a new root there is no changed configuration to ask about, so the file is put there.
purge=''
while [ $# -gt 0 ]; do
	case $1 in
	-p | --purge) purge=yes ;;
	-s | --src-dir | -S | --sum-file | --state-dir | --debconf-template | -d | --debug) shift ;;
	--) shift; break ;;
	-*) ;;
	*) break ;;
	esac
	shift
done
if [ -n "$purge" ] || [ $# -lt 2 ] || [ -e "$2" ]; then exit 0; fi
mkdir -p "$(dirname "$2")"
cp -p "$1" "$2"
`;

/** Text of every stub by name; `extra` names more commands that only leave a note. */
export function stubScripts(extra: readonly string[]): ReadonlyMap<string, string> {
	const scripts = new Map<string, string>();
	for (const name of [...silentStubs, ...extra]) scripts.set(name, silent);
	for (const name of deferredCommands) scripts.set(name, deferred);
	for (const name of ["adduser", "useradd", "addgroup", "groupadd", "usermod"]) scripts.set(name, addUser);
	scripts.set("deb-systemd-helper", systemdHelper);
	scripts.set("dpkg-trigger", dpkgTrigger);
	scripts.set("systemd-sysusers", sysusers);
	scripts.set("systemd-tmpfiles", tmpfiles);
	scripts.set("ucf", ucf);
	return scripts;
}
