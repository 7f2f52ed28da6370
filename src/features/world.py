"""The world of the example ledger: its fixed numbers, each with the survey it follows.

It was set so that books of three seeds agree with what is published of all payers together, and is frozen: it is never
tuned to make a model look good. Where no survey was found for a number the comment says "assumed".

    published                                                              books of 4,000, seeds 1, 2, 3
    47 % of B2B invoices paid late, Western Europe (Atradius 2025)         52, 50, 49 %
    49 to 51 % of firms pay on time, France, Europe (Altares 2024)         44, 47, 48 % (by amount, three months)
    5.7 to 7.6 % of firms pay more than 30 days late (Altares 2023)        6.8, 5.7, 5.0 %
    these fail six times as often (Altares, early 2010s)                   4.4, 6.3, 6.0 times as often as all
    6 days late on average in Germany, 13 in France (Altares 2023)         7.1, 5.9, 5.7 days
    insolvency 0.5 to 2.5 % a year; 4 % of firms over 90 days late         2.9, 2.0, 2.5 % default a year
    (Insolvency Service, Creditreform, Banque de France; CRIBIS 2024)
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """What a size segment is like.

    Attributes
    ----------
    share : float
        Of the customers.
    hazard : float
        Monthly probability of failure at average health (health 0); bad health multiplies it.
    orders : float
        Invoices a month of a customer of average appetite.
    size : float
        Median invoice in EUR.
    habit : float
        Days late that a healthy customer of average discipline takes.
    """

    share: float
    hazard: float
    orders: float
    size: float
    habit: float


# Formal insolvency of whole economies is 0.5 to 0.8 % a year (Insolvency Service 2025: 0.52 %; Creditreform 2024:
# 0.71 %), 2 % and more in older or riskier populations (Banque de France 2004: industry, transport 2.5 %). Default
# here is wider (90 days past due): 4.0 % of Italian firms pay more than 90 days late, 4.6 % of the smallest
# (CRIBIS, third quarter of 2024). So: about 3 % a year for the small, 1 to 2 % for the large.
# Larger firms pay later: 14.0 days under 3 staff, under 12 to 50 staff, 14.5 from 200, 17.8 from 1,000 (Altares 2024).
SEGMENTS = {
    "SME": Segment(share=0.62, hazard=0.00050, orders=0.9, size=2_400.0, habit=1.0),
    "RETAIL": Segment(share=0.18, hazard=0.00056, orders=1.3, size=900.0, habit=0.0),
    "CORP": Segment(share=0.16, hazard=0.00022, orders=2.6, size=14_000.0, habit=4.0),
    "PUBLIC": Segment(share=0.04, hazard=0.00004, orders=0.8, size=5_000.0, habit=5.0),
}
# Share of customers, log of the hazard's factor, extra days late. Insolvency by sector: construction above the mean
# (Creditreform 2024: 97 per 10,000); delays longest in construction and transport (Coface Poland 2018, China 2023).
INDUSTRIES = {
    "construction": (0.16, 0.35, 3.0),
    "machinery": (0.18, -0.05, 1.0),
    "wholesale": (0.22, 0.0, 0.0),
    "food": (0.12, -0.15, -1.5),
    "transport": (0.12, 0.20, 2.0),
    "chemicals": (0.08, -0.25, -1.0),
    "services": (0.12, 0.0, 0.0),
}
# Share, usual terms in days, extra days late. Payers on time: Poland 79 %, Germany 67 %, France 49 %, Italy 36 %
# (CRIBIS 2019, Altares 2024); terms 52 days in Western Europe (Atradius 2024), 76 in China (Coface 2025).
COUNTRIES = {
    "DE": (0.34, 30, -1.5),
    "FR": (0.18, 45, 2.0),
    "IT": (0.14, 60, 5.0),
    "PL": (0.12, 45, -2.5),
    "GB": (0.12, 30, 2.0),
    "CN": (0.10, 75, 4.0),
}
TERMS_SPREAD = (0.6, 1.0, 1.4)  # each customer keeps one of these times the usual terms (assumed)

# Latent health: stationary, mean 0, variance 1, one step a month (assumed: half of a shock is left after 13 months).
PERSISTENCE = 0.95
MACRO_WEIGHT = 0.30  # correlation of its monthly shocks with the macro shock (assumed)
INDUSTRY_WEIGHT = 0.25  # and with the shock of its industry (assumed)
HEALTH_TO_HAZARD = 2.0  # one standard deviation worse multiplies the hazard by e^2.0 (assumed)
HAZARD_CAP = 0.35
CHURN = 0.006  # monthly probability that a customer stops buying, having paid (assumed)
JOINS_LATER = 0.45  # share of customers that join after the first month (assumed)

# Lateness of an invoice: habit (segment, country, industry, own discipline) + strain of bad health + chance.
# The sum of it is held to the table above.
DISCIPLINE_MEAN = -11.0
DISCIPLINE_SPREAD = 5.0  # standard deviation of own discipline in days (assumed)
STRAIN_DAYS = 20.0  # days per unit by which health lies under STRAIN_FROM, growing faster below (assumed)
STRAIN_FROM = 0.0
STRAIN_POWER = 1.5
CHANCE_SHAPE = 0.5  # chance: a gamma of this shape with this scale in days; the scale grows with strain (assumed)
CHANCE_SCALE = 9.0
EARLIEST, LATEST = -14, 75  # days; who has not failed pays within these, so default means failure

PARTIAL = 0.04  # share of invoices paid in two parts when healthy, four times that when strained (assumed)
BOUNCED = 0.003  # of payments; six times that when strained (assumed)
# 72 % of firms adjust up to a tenth of their invoices (NACM): disputes and credit notes together about 6 %.
DISPUTED = 0.03
CREDIT_NOTE = 0.03
PROMISE = 0.30  # of invoices more than 15 days late: share with a promise to pay; kept or broken as paid (assumed)
POSTING_DAYS = 3  # payments are booked up to so many days later (assumed)

# After failure nothing more is paid, but for some part payments; then come filing, collection and write-off.
FILES = 0.45  # share of failures with a filing; 30 days and then 60 more on average after it (assumed)
PART_AFTER_FAILURE = 0.10
COLLECTION_AFTER = 125  # days past due at which an unpaid invoice goes to an agency
WRITE_OFF_AFTER = 210  # days past due at which it is written off (write-offs 1.7 % of revenue: Intrum 2018)
ORDERS_AFTER_FAILURE_DAYS = 25
BUST_OUT = 0.10  # share of failures that order three times as much in the two months before (assumed)

STRATEGIC = 0.04  # share of customers that are strategic, among CORP and PUBLIC only
LIMIT_MONTHS = 2.6  # limit: so many months of usual billing with terms, reviewed every year (assumed)
