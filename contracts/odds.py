"""American prices and the probabilities that they imply once the books' margin is taken out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def gain(price: Floats) -> Floats:
    """American price -> what a stake of 1 wins besides itself; NaN for a price between -100 and 100.

    -110 wins 100 for 110, 0.909; +150 wins 150 for 100, 1.5. The higher the price, the more it wins.
    """
    price = np.asarray(price, dtype=np.float64)
    won, stake = np.where(price < 0, 100.0, price), np.where(price < 0, -price, 100.0)
    return np.where(np.abs(price) >= 100, won / np.where(stake > 0, stake, np.nan), np.nan)


def implied_probability(price: Floats) -> Floats:
    """American price -> the probability (0-1) at which a bet at it breaks even; NaN for a price between -100 and 100.

    -110 wins 100 for 110: 110 / 210; +150 wins 150 for 100: 100 / 250.
    """
    return np.asarray(1 / (1 + gain(price)), dtype=np.float64)


def over_probability(over_price: Floats, under_price: Floats) -> Floats:
    """The probability (0-1) of going over that a pair of American prices states, the margin taken out in proportion.

    NaN where either price is absent. Source: basic normalization, Strumbelj (2014), "On determining probability
    forecasts from betting odds", International Journal of Forecasting 30.
    """
    over, under = implied_probability(over_price), implied_probability(under_price)
    return np.asarray(over / (over + under), dtype=np.float64)
