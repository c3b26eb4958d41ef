% Which of two digits is the larger one? Only yes or no is told.
nn(digit_net, [X], Y, [0..9]) :: digit(X, Y).
larger(X, Y) :- digit(X, A), digit(Y, B), A > B.
