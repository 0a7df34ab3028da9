"""VCG by a general solver: auction_highs.py FILE.json ... clears each file of `heed auction clear` with packages
by HiGHS (scipy.optimize.milp): one integer programme for the winners, one more for each winner's payment.
Prints mean and worst seconds, then welfare and revenue of all; reading the file is not timed."""
import json
import sys
import time

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix


def best(price, rows, without=None, bidder=None):
    upper = np.ones(len(price))
    if without is not None:
        upper[bidder == without] = 0
    found = milp(-price, integrality=np.ones(len(price)), bounds=Bounds(0, upper),
                 constraints=LinearConstraint(rows, -np.inf, 1),
                 options={"mip_rel_gap": 0})
    assert found.success, found.message
    return round(-found.fun), found.x > .5


times, welfare, revenue = [], 0, 0
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as f:
        auction = json.load(f)
    begin = time.perf_counter()
    bids = auction["bids"]
    item = {name: i for i, name in enumerate(auction["items"])}
    names = {b["bidder"]: None for b in bids}
    number = {name: i for i, name in enumerate(names)}
    price = np.array([b["price"] for b in bids], dtype=float)
    bidder = np.array([number[b["bidder"]] for b in bids])
    at = [(item[name], i) for i, b in enumerate(bids) for name in b["package"]]
    at += [(len(item) + b, i) for i, b in enumerate(bidder)]
    row, column = zip(*at)
    rows = csr_matrix((np.ones(len(at)), (row, column)), shape=(len(item) + len(number), len(bids)))
    total, taken = best(price, rows)
    for i in np.flatnonzero(taken):
        others, _ = best(price, rows, bidder[i], bidder)
        revenue += others - (total - round(price[i]))
    times.append(time.perf_counter() - begin)
    welfare += total
print(f"{np.mean(times):.4f} {max(times):.4f} {welfare} {revenue}")
