"""Published and taken over figures of sawing wood: rim speeds and bites by class of wood.

Rim speeds: Central Saws (softwood 45-90, hardwood 45-70, exotic 40-65 m/s); Seal (40 at least, 60 economic, 80
standard, 100 never passed). Bites of fine work: taken over (hardwood 0.03-0.10, softwood 0.05-0.15 mm), not traced;
wood in general 0.3-0.5 mm (Seal).
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.catalog import Material, MaterialFamily

STANDARD_RIM_M_PER_S, ROUGH_BITE_MM = 80.0, 0.3
EXOTIC_FROM_KG_M3 = 800.0
"""Where the table's exotic woods begin; the table names none [est]."""
SLITTING_UP_TO_MM, SLITTING_RIM_M_PER_S, SLITTING_BITE = 75.0, 15.0, 0.5
"""Slitting saws are a class of their own that runs slow, with small gullets: no table for wood was found, so these are
estimates and such a blade is YELLOW at best."""


@dataclass(frozen=True, slots=True)
class Band:
    """What is good between `low` and `high`."""

    low: float
    high: float
    estimated: bool

    @property
    def middle(self) -> float:
        return float((self.low * self.high) ** 0.5)


def rim_speeds(material: Material, diameter_mm: float) -> Band | None:
    """m/s; None for what is no wood."""
    match material.family:
        case MaterialFamily.SOFTWOOD:
            low, high = 45.0, STANDARD_RIM_M_PER_S
        case MaterialFamily.HARDWOOD if float(material.density.value) >= EXOTIC_FROM_KG_M3:
            low, high = 40.0, 65.0
        case MaterialFamily.HARDWOOD:
            low, high = 45.0, 70.0
        case _:
            return None
    slitting = diameter_mm <= SLITTING_UP_TO_MM
    return Band(SLITTING_RIM_M_PER_S if slitting else low, high, slitting)


def bites(material: Material, diameter_mm: float) -> Band | None:
    """mm per tooth; None for what is no wood or has no chip load in the catalog."""
    if material.chip_load_factor is None:
        return None
    match material.family:
        case MaterialFamily.SOFTWOOD:
            low, high = 0.05, 0.15
        case MaterialFamily.HARDWOOD:
            low, high = 0.03, 0.10
        case _:
            return None
    slitting = diameter_mm <= SLITTING_UP_TO_MM
    factor = float(material.chip_load_factor.value) * (SLITTING_BITE if slitting else 1.0)
    return Band(low * factor, high * factor, slitting or material.chip_load_factor.estimated)
