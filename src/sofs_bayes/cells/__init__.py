"""Matched referrals → cells: counts and cross-products that say as much as the referrals do.

`dataset` is the noun, `collapse` makes it, `likelihood` shows that nothing was lost; `disclosure`
decides what of it may leave a secure setting, `release` merges until enough may, `files` writes.
"""
