"""Would the databases survive today: what is looked at, how it is judged, and the alerts that come of it."""
