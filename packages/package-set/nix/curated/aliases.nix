# Names that developers know beside Debian's. An alias stands only where the index has what it points to.
{ index, makeGroup }:
final: prev:
let
  inherit (builtins) all attrNames filter head listToAttrs map;

  has = name: index.versions ? ${name};

  aliases = {
    ag = "silversearcher-ag";
    "aws-cli" = "awscli";
    docker = "docker-cli";
    dig = "bind9-dnsutils";
    dnsutils = "bind9-dnsutils";
    fd = "fd-find";
    gnumake = "make";
    gnused = "sed";
    gnutar = "tar";
    go = "golang-go";
    java = "default-jdk";
    jdk = "default-jdk";
    jre = "default-jre";
    jdk_headless = "default-jdk-headless";
    jre_headless = "default-jre-headless";
    jdk21 = "openjdk-21-jdk";
    jdk25 = "openjdk-25-jdk";
    node = "nodejs";
    ninja = "ninja-build";
    pip = "python3-pip";
    pkgconfig = "pkg-config";
    protobuf = "protobuf-compiler";
    python = "python-is-python3";
    rg = "ripgrep";
    sqlite = "sqlite3";
    xz = "xz-utils";
    zlib = "zlib1g-dev";
  };

  # Several packages under one name.
  groups = {
    rust = [ "rustc" "cargo" ];
  };

  usable = filter (name: !(prev ? ${name}));
in
listToAttrs (
  map (name: { inherit name; value = final.${aliases.${name}}; }) (filter (name: has aliases.${name}) (usable (attrNames aliases)))
  ++ map (name: { inherit name; value = makeGroup name groups.${name}; }) (filter (name: all has groups.${name}) (usable (attrNames groups)))
)
