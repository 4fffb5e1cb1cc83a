# Which packages an environment consists of: the closure of its packages under Pre-Depends, Depends and chosen Recommends.
#
# A dependency is a group of candidates, of which one must be in the closure. Groups with one candidate are followed
# first, as far as they lead (`genericClosure`); only then is a choice made for the first group that nothing in the closure
# satisfies: the preferred candidate whose own closure clashes with nothing, then the forced ones again. So a choice is
# made only where the rest of the environment leaves one, and the result does not depend on the order of the packages.
#
# For unchanged packages the index gives the candidates; where an overlay changed versions or provided names, those groups
# that mention them are worked out again from the relations' texts.
{ final, archive, index, overlayNames, prefer, wantedRecommends }:
let
  inherit (builtins)
    any attrNames attrValues concatLists concatMap concatStringsSep elem elemAt filter genericClosure genList head isAttrs
    isList isString length listToAttrs map tail;
  relations = import ./relations.nix;

  isPackage = value: isAttrs value && (value.isDebianPackage or false || value.isPackageGroup or false);

  # The package that dependencies mean by a name, or null. A plain derivation or function that the set has under the name
  # of a Debian package does not take its place for others.
  packageNamed = name:
    let value = final.${name} or null;
    in if isPackage value then value else archive.${name} or null;

  setOf = names: listToAttrs (map (name: { inherit name; value = null; }) names);

  # --- what overlays changed -------------------------------------------------------------------------------------

  # Names whose package an overlay gave.
  overlaidNames = filter (name: isPackage (final.${name} or null)) overlayNames;
  isOverlaid = setOf overlaidNames;

  # Packages whose version or provided names are others than the index says.
  changedPackages = map packageNamed (filter
    (name:
      let package = final.${name};
      in package.version != (index.versions.${name} or null) || package.provides != ((index.record name).provides or [ ]))
    (attrNames isOverlaid));
  nothingChanged = changedPackages == [ ];

  # Every name whose candidates may be others than the index says.
  changedNames = setOf (
    concatMap (package: concatMap relations.namesOf package.provides ++ indexedNames package.pname) changedPackages
    ++ concatMap indexedNames overlaidNames
  );
  indexedNames = name:
    [ name ] ++ (if index.versions ? ${name} then concatMap relations.namesOf ((index.record name).provides or [ ]) else [ ]);
  mentionsChange = text: any (name: changedNames ? ${name}) (relations.namesOf text);

  # --- from relations to candidates ------------------------------------------------------------------------------

  # The version that a package provides a name with: [ version or null ], or [ ] if it does not provide it.
  providedVersions = name: package:
    concatMap
      (text: let provided = head (relations.parseGroup text); in if provided.name == name then [ provided.version ] else [ ])
      package.provides;

  satisfying = relation:
    let
      own = packageNamed relation.name;
      # An alias of the curated layer is no package of that name: it may be Debian's name of something virtual.
      isOwn = own != null && (own.pname == relation.name || isOverlaid ? ${relation.name});
      # What an overlay puts in a package's place also satisfies what the original satisfied: relations such as
      # `libjq1 (= 1.7.1-6)` must not keep anyone from changing libjq1.
      isMet = relations.meets own.version relation
        || (isOverlaid ? ${relation.name} && index.versions ? ${relation.name} && relations.meets index.versions.${relation.name} relation);
      ownMeets = isOwn && isMet && relations.acceptsQualifier own relation.qualifier;
      fits = package:
        relations.acceptsQualifier package relation.qualifier
        && any (version: relations.providedMeets version relation) (providedVersions relation.name package);
      known = map head (index.providersOf relation.name);
      added = filter (name: !(elem name known)) (map (package: package.pname) changedPackages);
      provides = name: let package = packageNamed name; in package != null && name != relation.name && fits package;
    in
    (if ownMeets then [ relation.name ] else [ ]) ++ filter provides (known ++ added);

  candidatesOfText = text: unique (concatMap satisfying (relations.parseGroup text));

  unique = names: attrNamesInOrder { } names;
  attrNamesInOrder = seen: names:
    if names == [ ] then [ ]
    else if seen ? ${head names} then attrNamesInOrder seen (tail names)
    else [ (head names) ] ++ attrNamesInOrder (seen // { ${head names} = null; }) (tail names);

  groupTexts = package: package.preDepends ++ package.depends;

  # Groups of candidates; a candidate is a name or, where a dependency was written as a package value, that value.
  groupsOf = package:
    let
      texts = groupTexts package;
      workOut = text: if isString text then candidatesOfText text else [ text ];
      again = position:
        let text = elemAt texts position;
        in if mentionsChange text then workOut text else elemAt package.candidates position;
      base =
        if package.candidates == null then map workOut texts
        else if nothingChanged then package.candidates
        else genList again (length texts);
      groups = base ++ recommendedGroups package;
    in
    if overlaidNames == [ ] then groups
    else map (group: if isList group then map overlaid group else overlaid group) groups;

  # A name that an overlay defines stands for the package that it gave, whose own name may be another.
  overlaid = candidate: if isString candidate && isOverlaid ? ${candidate} then final.${candidate} else candidate;

  # Recommends that the curated layer wants, as groups; one that nothing satisfies is left out.
  recommendedGroups = package:
    if package.recommends == [ ] then [ ]
    else filter (group: group != [ ]) (map candidatesOfText (filter (wantedRecommends package.pname) package.recommends));

  # --- the closure -----------------------------------------------------------------------------------------------

  # A node of the closure: a name and its package.
  nodeOf = candidate:
    if isString candidate then { key = candidate; package = packageNamed candidate; }
    else { key = candidate.pname; package = candidate; };

  keyOf = candidate: if isString candidate then candidate else candidate.pname;

  only = group: if isList group then head group else group;
  isForced = group: !(isList group) || (group != [ ] && tail group == [ ]);
  isChoice = group: isList group && group != [ ] && tail group != [ ];

  withGroups = candidate: let node = nodeOf candidate; in node // { groups = groupsOf node.package; };

  # The nodes that `starts` force into a closure that already has `chosen`.
  forcedBy = chosen: starts:
    genericClosure {
      startSet = map withGroups (filter (start: !(chosen ? ${keyOf start})) starts);
      operator = node:
        map withGroups (filter (candidate: !(chosen ? ${keyOf candidate})) (map only (filter isForced node.groups)));
    };

  byKey = nodes: listToAttrs (map (node: { name = node.key; value = node; }) nodes);

  isSatisfied = chosen: group: any (candidate: chosen ? ${keyOf candidate}) group;

  choicesOf = nodes: concatMap (node: map prefer (filter isChoice node.groups)) nodes;

  # Names of the packages that a package may not stand beside.
  clashesOf = package: if nothingChanged && package.clashes != null then package.clashes else clashesAnew package;

  # What one package's Conflicts and Breaks exclude.
  excludedBy = package: texts:
    filter (name: name != package.pname)
      (concatMap (text: satisfying (head (relations.parseGroup text) // { qualifier = null; })) texts);
  exclusionsOf = package: package.conflicts ++ package.breaks;

  # Where an overlay changed something, what the index says holds for the rest only.
  clashesAnew = package:
    let
      known = package.clashes != null;
      texts = if known then filter mentionsChange (exclusionsOf package) else exclusionsOf package;
    in
    (if known then filter (name: !(changedNames ? ${name})) package.clashes else [ ])
    ++ excludedBy package texts
    ++ map (each: each.name) (filter (each: each.excluded ? ${package.pname}) changedExclusions);
  changedExclusions = map
    (package: { name = package.pname; excluded = setOf (excludedBy package (exclusionsOf package)); })
    changedPackages;

  clashIn = all: node: filter (name: all ? ${name}) (clashesOf node.package);
  isUnsatisfiable = node: any (group: group == [ ]) node.groups;

  close = state:
    let pending = filter (group: !(isSatisfied state.chosen group)) state.choices;
    in
    if pending == [ ] then state.chosen
    else
      let
        attempts = map
          (candidate:
            let
              nodes = forcedBy state.chosen [ candidate ];
              all = state.chosen // byKey nodes;
            in {
              inherit nodes all;
              works = builtins.all (node: clashIn all node == [ ] && !(isUnsatisfiable node)) nodes;
            })
          (head pending);
        working = filter (attempt: attempt.works) attempts;
        attempt = head (working ++ attempts);
      in
      close { chosen = attempt.all; choices = tail pending ++ choicesOf attempt.nodes; };

  # --- what went wrong -------------------------------------------------------------------------------------------

  # "'a', needed by 'b', needed by 'c'": how a package came into the closure.
  because = chosen: roots: name:
    let
      needs = other: candidate: any (group: any (each: keyOf each == candidate) (if isList group then group else [ group ])) chosen.${other}.groups;
      chain = seen: current:
        let users = filter (other: !(elem other seen) && needs other current) (attrNames chosen);
        in if elem current roots || users == [ ] then [ ] else [ (head users) ] ++ chain (seen ++ [ (head users) ]) (head users);
    in
    concatStringsSep ", needed by " (map (each: "'${each}'") ([ name ] ++ chain [ name ] name));

  checkSatisfiable = chosen: roots:
    let
      broken = filter isUnsatisfiable (attrValues chosen);
      node = head broken;
      texts = groupTexts node.package;
      text = head (concatLists (genList (position: if elemAt node.groups position == [ ] then [ (elemAt texts position) ] else [ ]) (length texts)));
    in
    broken == [ ]
    || throw "package ${because chosen roots node.key} depends on '${text}', which no package of the index satisfies";

  checkClashes = chosen: roots:
    let
      clashing = filter (node: clashIn chosen node != [ ]) (attrValues chosen);
      node = head clashing;
      other = head (clashIn chosen node);
    in
    clashing == [ ]
    || throw "package ${because chosen roots node.key} cannot be installed together with package ${because chosen roots other}";
in
{
  inherit isPackage packageNamed;

  # The closure of packages (names or values): { <name> = { key; package; groups; }; }.
  resolve = roots:
    let
      names = map keyOf roots;
      nodes = forcedBy { } roots;
      chosen = close { chosen = byKey nodes; choices = choicesOf nodes; };
    in
    assert checkSatisfiable chosen names;
    assert checkClashes chosen names;
    chosen;
}
