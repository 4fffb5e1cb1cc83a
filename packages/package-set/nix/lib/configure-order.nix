# The order in which dpkg may configure a closure: a package after everything that it depends on; packages that depend on
# each other in a circle come as one group, and within it Pre-Depends come first where they can.
#
# Layers are peeled off: first what depends on nothing, then what depends only on that. When nothing is left that could be
# peeled, some packages form a circle that depends on nothing else: it is found by comparing what can be reached.
#
# Packages need the Essential ones without saying so. So the order begins with stages: the first names with all that they
# depend on, then the second, and in the end the rest.
let
  inherit (builtins)
    attrNames concatMap filter genericClosure head isList isString length listToAttrs map partition tail;

  toSet = names: listToAttrs (map (name: { inherit name; value = null; }) names);

  keyOf = candidate: if isString candidate then candidate else candidate.pname;

  # `edges` (name → names) restricted to a set of nodes, peeled into a list of names and lists of names (circles).
  peel = edges: left:
    if left == { } then [ ]
    else
      let
        split = partition (name: builtins.all (other: !(left ? ${other})) edges.${name}) (attrNames left);
      in
      if split.right != [ ] then split.right ++ peel edges (removeAttrs left split.right)
      else
        let circle = closedCircle edges left (head split.wrong);
        in [ circle ] ++ peel edges (removeAttrs left circle);

  reachable = edges: left: name:
    map (node: node.key) (genericClosure {
      startSet = [ { key = name; } ];
      operator = node: map (key: { inherit key; }) (filter (other: left ? ${other}) edges.${node.key});
    });

  # A circle out of which no edge leads: as long as something reached does not reach back, go on from there.
  closedCircle = edges: left: name:
    let
      reached = reachable edges left name;
      away = firstWhere (other: !(builtins.elem name (reachable edges left other))) reached;
    in
    if away == null then builtins.sort builtins.lessThan reached else closedCircle edges left away;

  firstWhere = predicate: list:
    if list == [ ] then null
    else if predicate (head list) then head list
    else firstWhere predicate (tail list);

  flatten = peeled: concatMap (each: if isList each then each else [ each ]) peeled;
in
stages: chosen:
let
  # Of a group's candidates the first one in the closure counts.
  target = group:
    if !(isList group) then [ (keyOf group) ]
    else
      let present = filter (candidate: chosen ? ${keyOf candidate}) group;
      in if present == [ ] then [ ] else [ (keyOf (head present)) ];
  targets = groups: name: filter (other: other != name) (concatMap target groups);

  edges = builtins.mapAttrs (name: node: targets node.groups name) chosen;
  preEdges = builtins.mapAttrs
    (name: node: targets (builtins.genList (builtins.elemAt node.groups) (length node.package.preDepends)) name)
    chosen;

  inCircle = circle: flatten (peel preEdges (toSet circle));

  # Names with all that they depend on, out of those that are left.
  closureIn = left: names:
    intersect left (genericClosure {
      startSet = map (key: { inherit key; }) (filter (name: left ? ${name}) names);
      operator = node: map (key: { inherit key; }) (filter (other: left ? ${other}) edges.${node.key});
    });
  intersect = left: nodes: builtins.intersectAttrs left (toSet (map (node: node.key) nodes));

  inStages = left: names:
    if names == [ ] then peel edges left
    else
      let stage = closureIn left (head names);
      in peel edges stage ++ inStages (removeAttrs left (attrNames stage)) (tail names);
in
map (each: if isList each then inCircle each else each) (inStages (builtins.mapAttrs (name: node: null) chosen) stages)
