#!/bin/sh
pip install "$@"
