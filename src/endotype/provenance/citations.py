"""What a paper that rests on a run has to cite: the work behind each step, and the software."""

from __future__ import annotations

REFERENCES = {
    "acat": "Liu Y et al. (2019) ACAT: a fast and powerful p value combination method. "
    "doi:10.1016/j.ajhg.2019.01.002",
    "acmg": "Richards S et al. (2015) Standards and guidelines for the interpretation of sequence variants. "
    "doi:10.1038/gim.2015.30",
    "acmg_points": "Tavtigian SV et al. (2020) Fitting a naturally scaled point system to the ACMG/AMP "
    "variant "
    "classification guidelines. doi:10.1002/humu.24088",
    "consensus": "Monti S et al. (2003) Consensus clustering. doi:10.1023/A:1023949509487",
    "csq": "Danecek P, McCarthy SA (2017) BCFtools/csq: haplotype-aware variant consequences. "
    "doi:10.1093/bioinformatics/btx100",
    "firth": "Firth D (1993) Bias reduction of maximum likelihood estimates. doi:10.1093/biomet/80.1.27",
    "hwe": "Wigginton JE, Cutler DJ, Abecasis GR (2005) A note on exact tests of Hardy-Weinberg equilibrium. "
    "doi:10.1086/429864",
    "king": "Manichaikul A et al. (2010) Robust relationship inference in genome-wide association studies. "
    "doi:10.1093/bioinformatics/btq559",
    "normalise": "Tan A, Abecasis GR, Kang HM (2015) Unified representation of genetic variants. "
    "doi:10.1093/bioinformatics/btv112",
    "pac": "Senbabaoglu Y, Michailidis G, Li JZ (2014) Critical limitations of consensus clustering in class "
    "discovery. doi:10.1038/srep06207",
    "pca": "Patterson N, Price AL, Reich D (2006) Population structure and eigenanalysis. "
    "doi:10.1371/journal.pgen.0020190",
    "skato": "Lee S et al. (2012) Optimal unified approach for rare-variant association testing. "
    "doi:10.1016/j.ajhg.2012.06.007",
    "spa": "Dey R et al. (2017) A fast and accurate algorithm to test for binary phenotypes. "
    "doi:10.1016/j.ajhg.2017.05.014",
}
"""Key -> reference of a method."""

SOFTWARE = {
    "cyvcf2": "Pedersen BS, Quinlan AR (2017) cyvcf2. doi:10.1093/bioinformatics/btx057",
    "duckdb": "Raasveldt M, Mühleisen H (2019) DuckDB. doi:10.1145/3299869.3320212",
    "matplotlib": "Hunter JD (2007) Matplotlib. doi:10.1109/MCSE.2007.55",
    "numba": "Lam SK, Pitrou A, Seibert S (2015) Numba. doi:10.1145/2833157.2833162",
    "numpy": "Harris CR et al. (2020) Array programming with NumPy. doi:10.1038/s41586-020-2649-2",
    "pandas": "McKinney W (2010) Data structures for statistical computing in Python. "
    "doi:10.25080/Majora-92bf1922-00a",
    "pysam": "Bonfield JK et al. (2021) HTSlib. doi:10.1093/gigascience/giab007; Danecek P et al. (2021) "
    "Twelve "
    "years of SAMtools and BCFtools. doi:10.1093/gigascience/giab008",
    "scipy": "Virtanen P et al. (2020) SciPy 1.0. doi:10.1038/s41592-019-0686-2",
    "snakemake": "Mölder F et al. (2021) Sustainable data analysis with Snakemake. "
    "doi:10.12688/f1000research.29032.2",
}
"""Package -> reference of the software; others have none but their name and version."""
