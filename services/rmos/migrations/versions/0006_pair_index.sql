-- The two filters of the list of runs that people set together: by one of them alone, the rarer the other, the more is read.
CREATE INDEX runs_mode_risk_level ON runs (mode, risk_level, position);
