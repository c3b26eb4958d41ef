% Who is the last person of a chain to the first one? How two relations compose is learned: if Y is
% the R of X, and Z is the S of Y, then Z is the T of X with the probability of compose(R, S, T).
t(_) :: step(X, R, Y).      % given: person X names Y as her R
t(_) :: compose(R, S, T).   % learned

holds(X, R, Y) :- step(X, R, Y).
holds(X, T, Z) :- holds(X, R, Y), holds(Y, S, Z), compose(R, S, T).
