"""The calculators: one function a question, each from a Situation to a CalculatorResult."""
