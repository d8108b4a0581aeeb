"""What may leave a secure setting: one rule, one search, one ledger, one log.

`rules` has the numbers, `search` finds what else must be hidden, `ledger` remembers what is out,
`log` tells the custodian. `cells` and `release` judge cells; `arm_counts`, `matching` and
`authorities` the counts beside results.
"""
