"""Judges a program by its final text alone; shares no path code with the generator, only the target's outlines."""

from services.cam.simulate.judge import Judgement as Judgement
from services.cam.simulate.judge import simulate as simulate
