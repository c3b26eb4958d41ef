% The rule is known, the relation is not: parent is learned from who is a grandparent of whom.
t(_) :: parent(X, Y).
grandparent(X, Z) :- parent(X, Y), parent(Y, Z).
