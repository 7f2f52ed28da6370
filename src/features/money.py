"""Money: minor units of ISO 4217 currencies, exact until it becomes a feature."""

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import Mistake

NO_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
TWO_DECIMALS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW
"""
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(TWO_DECIMALS.split(), 2),
    **dict.fromkeys(NO_MINOR_UNIT.split(), 0),
    **dict.fromkeys(THREE_DECIMALS.split(), 3),
}
LARGEST = 10**15  # minor units: a cent more is no invoice; float64 still holds every such integer exactly
PER_UNIT = 1000  # thousandths hold the minor units of every currency


def rate_on(currency: pd.Series, day: pd.Series, rates: pd.DataFrame, *, reporting: str) -> npt.NDArray[np.float64]:
    """Factor from minor units of `currency` on `day` to minor units of the reporting currency.

    Parameters
    ----------
    currency, day : Series, length n
        ISO codes and days (datetime64).
    rates : DataFrame
        Columns currency, date, rate: one unit of `currency` is worth `rate` units of the reporting
        currency from `date` until the next row. An empty date holds from the beginning.

    Raises
    ------
    Mistake
        Names the first currency and day that has no rate.
    """
    factor = np.ones(len(currency))
    for code in currency.unique():
        if code == reporting:
            continue
        rows = rates[rates["currency"] == code].sort_values("date", na_position="first")
        here = (currency == code).to_numpy()
        starts = rows["date"].to_numpy("datetime64[s]")
        known = np.where(np.isnat(starts), np.datetime64("0001-01-01", "s"), starts)
        place = np.searchsorted(known, day[here].to_numpy("datetime64[s]"), side="right") - 1
        if (place < 0).any():
            first: date = day[here].iloc[int(np.argmax(place < 0))].date()
            raise Mistake(
                f"rates: no rate for {code} on {first}; give one in rates.csv (currency, date, rate) "
                f"or in the mapping (rates: {{{code}: ...}}), in {reporting} for one {code}."
            )
        shift = 10.0 ** (EXPONENTS[reporting] - EXPONENTS[code])
        factor[here] = rows["rate"].to_numpy("float64")[place] * shift
    return factor
