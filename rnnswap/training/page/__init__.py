"""report.html: what runs recorded, as a page that needs nothing but itself. Imports no torch.

The plots are drawn by uPlot, which lies here as its authors publish it (uplot-LICENSE.txt).
"""
