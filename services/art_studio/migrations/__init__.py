"""The asset index' tables as numbered SQL files, applied in order and each once by services.art_studio.migrate."""
