# What a package brings to its root beyond its files: folders for PATH, variables, links, and what is known of its
# maintainer scripts. A trait applies to every package of a closure that its pattern matches.
let
  inherit (builtins) head match substring;

  # A second name for a program that Debian had to rename.
  link = name: target: { links = { "/usr/local/bin/${name}" = "/usr/bin/${target}"; }; };

  byName = {
    fd-find = link "fd" "fdfind";
    bat = link "bat" "batcat";
    # Clusters belong to projects; the one that the package would make for the machine is not wanted.
    postgresql-common = { stub = [ "pg_createcluster" "pg_ctlcluster" ]; };
  };

  # By prefix, so that most names cost one comparison.
  byPattern = [
    {
      prefix = "postgresql-";
      pattern = "postgresql-([0-9]+)";
      traits = matches: {
        path = [ "/usr/lib/postgresql/${head matches}/bin" ];
        # Debian has the sockets in /var/run/postgresql, which is the host's in a view; PostgreSQL's own default is /tmp.
        # A last line, since initdb writes the compiled default into the first one.
        postConfigure = [ "sed -i \"\\$ a unix_socket_directories = '/tmp'\" /usr/share/postgresql/${head matches}/postgresql.conf.sample" ];
        variables.PGHOST = "/tmp";
      };
    }
  ];
in
name: package:
(if byName ? ${name} then [ byName.${name} ] else [ ])
++ builtins.concatMap
  (rule:
    let matches = if substring 0 (builtins.stringLength rule.prefix) name == rule.prefix then match rule.pattern name else null;
    in if matches == null then [ ] else [ (rule.traits matches) ])
  byPattern
