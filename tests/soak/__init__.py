"""Years in half an hour: viewers of every kind come and go, and whatever can go wrong does, at random: `make soak`.

It is no test that `make test` runs, for it takes its time; what it asserts is in `verdict`.
"""
