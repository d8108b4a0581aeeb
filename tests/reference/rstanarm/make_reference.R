# Makes the reference of the hierarchical logistic difference-in-differences: the data sets
# data/*.csv, and what rstanarm and lme4 make of them.
#
# Run in this folder: Rscript make_reference.R          (all; README.md says how long it takes)
#                     Rscript make_reference.R few rare (these only; other rows stay)
#
# Nothing of the Python package is used.

suppressMessages({
  library(rstanarm)
  library(posterior)
})
options(mc.cores = 1)

CHAINS <- 4
WARMUP <- 1000
PARAMETERS <- c("pilot", "did", "gamma") # after the years, in the order of the formula

# pilots, comparators, years: sizes. n: mean children of a row (authority, year, x).
# rate: share with an event at x = 0 in an average comparator's first year. did, gamma: log odds.
# authority_sd, shock_sd: truth. windows: the settling-in years, dealt to the pilots in turn.
# unobserved: authority-years left out at random. normal: prior sds of each year, pilot, did and
# gamma. mean_sd: prior means of authority_sd and shock_sd. draws: kept per chain.
case <- function(...) {
  given <- list(...)
  default <- list(
    years = 2012:2017, n = 80, rate = 0.11, did = -0.2, gamma = 0.5, authority_sd = 0.3,
    shock_sd = 0.1, windows = list(2014, 2015), unobserved = 0,
    normal = c(year = 1, pilot = 1, did = 0.5, gamma = 1),
    mean_sd = c(authority_sd = 0.5, shock_sd = 0.2), adapt_delta = 0.99, draws = 8000
  )
  default[names(given)] <- given # not modifyList, which merges lists such as the windows
  default
}
CASES <- list(
  middling = case(seed = 101, pilots = 8, comparators = 6, adapt_delta = 0.95),
  few = case(
    seed = 102, pilots = 4, comparators = 4, years = 2012:2015, windows = list(2013, 2014),
    n = 120, shock_sd = 0.15
  ),
  many = case(
    seed = 123, pilots = 20, comparators = 20, years = 2012:2016, windows = list(2013, 2014),
    n = 50, unobserved = 12, normal = c(year = 0.5, pilot = 0.5, did = 0.3, gamma = 0.5)
  ),
  rare = case(
    seed = 104, pilots = 8, comparators = 6, n = 250, rate = 0.024, gamma = 0.3, did = -0.3,
    windows = list(2014, 2015, c(2014, 2015)), adapt_delta = 0.95
  ),
  shocked = case(
    seed = 105, pilots = 8, comparators = 6, n = 40, shock_sd = 0.5, did = 0.1,
    mean_sd = c(authority_sd = 0.5, shock_sd = 0.5), adapt_delta = 0.995
  ),
  tiny = case(
    seed = 106, pilots = 8, comparators = 6, n = 6, authority_sd = 0.4, shock_sd = 0.2,
    windows = list(2014, 2015, 2016)
  ),
  large_effect = case(
    seed = 107, pilots = 6, comparators = 8, years = 2013:2017, did = -1.2, rate = 0.2,
    windows = list(2014, 2015), normal = c(year = 1, pilot = 1, did = 2, gamma = 1),
    adapt_delta = 0.95
  ),
  alike = case(
    seed = 108, pilots = 8, comparators = 6, authority_sd = 0.01, shock_sd = 0.1,
    mean_sd = c(authority_sd = 0.2, shock_sd = 0.1), adapt_delta = 0.95
  ),
  gaps = case(
    seed = 109, pilots = 8, comparators = 6, years = 2010:2017, n = 40, unobserved = 16,
    windows = list(2012, c(2013, 2014), 2015, c(2014, 2015, 2016))
  )
)

authorities_of <- function(case) {
  authorities <- data.frame(
    authority = c(
      sprintf("P%02d", seq_len(case$pilots)), sprintf("C%02d", seq_len(case$comparators))
    ),
    pilot = rep(1:0, c(case$pilots, case$comparators))
  )
  authorities$u <- rnorm(nrow(authorities), 0, case$authority_sd)
  authorities
}

made <- function(case) {
  set.seed(case$seed)
  authorities <- authorities_of(case)
  window <- rep_len(case$windows, case$pilots)
  cells <- merge(authorities, data.frame(year = case$years))
  cells <- cells[order(cells$pilot == 0, cells$authority, cells$year), ]
  since <- function(which_year, pilots) {
    vapply(pilots, function(p) which_year(window[[as.integer(sub("P", "", p))]]), 0)
  }
  is_pilot <- cells$pilot == 1
  start <- end <- rep(Inf, nrow(cells))
  start[is_pilot] <- since(min, cells$authority[is_pilot])
  end[is_pilot] <- since(max, cells$authority[is_pilot])
  cells$post <- as.integer(cells$year > end)
  year_effect <- rnorm(length(case$years), 0, 0.1)
  cells$logit <- qlogis(case$rate) + (year_effect - year_effect[1])[match(cells$year, case$years)] +
    0.1 * cells$pilot + case$did * cells$post + cells$u + rnorm(nrow(cells), 0, case$shock_sd)
  cells <- cells[cells$year < start | cells$year > end, ]
  if (case$unobserved > 0) cells <- cells[-sample(nrow(cells), case$unobserved), ]
  stopifnot(table(cells$authority[cells$pilot == 1], cells$post[cells$pilot == 1]) > 0)
  rows <- cells[rep(seq_len(nrow(cells)), each = 2), ]
  rows$x <- rep(0:1, nrow(cells))
  rows$n <- rnbinom(nrow(rows), mu = case$n * ifelse(rows$x == 1, 0.6, 1.4), size = 5)
  rows <- rows[rows$n > 0, ]
  rows$events <- rbinom(nrow(rows), rows$n, plogis(rows$logit + case$gamma * rows$x))
  rownames(rows) <- NULL
  rows[c("authority", "year", "pilot", "post", "x", "n", "events")]
}

FORMULA <- cbind(events, n - events) ~ factor(year) + pilot + did + x +
  (1 | authority) + (1 | authority:year)

# decov's sds are scale * tau with tau ~ gamma(shape, 1), each group term by itself, and its
# scales stand in lme4's order of the terms: the one with most levels first.
bayesian <- function(rows, case, ...) {
  later <- length(unique(rows$year)) - 1
  normals <- c(rep(case$normal[["year"]], later), case$normal[PARAMETERS])
  scales <- case$mean_sd[c("shock_sd", "authority_sd")]
  fit <- stan_glmer(
    FORMULA,
    data = rows, family = binomial,
    prior = normal(0, unname(normals), autoscale = FALSE),
    prior_intercept = normal(0, 10, autoscale = FALSE),
    prior_covariance = decov(shape = 1, scale = unname(scales)),
    chains = CHAINS, iter = WARMUP + case$draws, warmup = WARMUP, seed = case$seed,
    adapt_delta = case$adapt_delta, refresh = 0, cores = 1, ...
  )
  stopifnot(identical(names(fit$glmod$reTrms$cnms), c("authority:year", "authority")))
  fit
}

# Draws of all parameters under the names of this project: variances become sds draw by draw.
draws_of <- function(fit) {
  draws <- as_draws_array(as.array(fit$stanfit))
  old <- variables(draws)
  sds <- sprintf("Sigma[%s:(Intercept),(Intercept)]", c("authority", "authority:year"))
  years <- grep("^factor\\(year\\)", old, value = TRUE)
  own <- setdiff(
    grep("^b\\[\\(Intercept\\) authority:[^:]*\\]$", old, value = TRUE),
    "b[(Intercept) authority:_NEW_authority]"
  )
  draws <- draws[, , c("(Intercept)", years, "pilot", "did", "x", sds, own)]
  draws[, , sds] <- sqrt(draws[, , sds])
  variables(draws) <- c(
    "intercept", sub("factor(year)", "year ", years, fixed = TRUE), PARAMETERS,
    "authority_sd", "shock_sd",
    sub("b[(Intercept) authority:", "authority: ", sub("]", "", own, fixed = TRUE), fixed = TRUE)
  )
  draws
}

summary_of <- function(draws) {
  table <- summarise_draws(
    draws, mean, sd, ~ quantile2(.x, c(0.05, 0.5, 0.95)), mcse_mean, mcse_sd, rhat,
    ess = ess_bulk
  )
  table <- as.data.frame(table)
  names(table)[match(c("variable", "q5"), names(table))] <- c("parameter", "q05")
  number <- vapply(table, is.numeric, TRUE)
  table[number] <- lapply(table[number], as.numeric)
  table
}

diagnostics_of <- function(fit, table, case) {
  stanfit <- fit$stanfit
  data.frame(
    chains = CHAINS, warmup = WARMUP, draws = case$draws, adapt_delta = case$adapt_delta,
    divergences = rstan::get_num_divergent(stanfit),
    longest_trees = rstan::get_num_max_treedepth(stanfit),
    lowest_bfmi = round(min(rstan::get_bfmi(stanfit)), 3),
    highest_rhat = round(max(rhat_everywhere(stanfit)), 5),
    lowest_ess = floor(min(table$ess)),
    worst_mcse_mean = round(max(table$mcse_mean / table$sd), 5),
    worst_mcse_sd = round(max(table$mcse_sd / table$sd), 5)
  )
}
rhat_everywhere <- function(stanfit) { # shocks too, which are not stored
  draws <- as.array(stanfit)
  apply(draws[, , !grepl("_NEW_|mean_PPD", dimnames(draws)[[3]])], 3, rhat)
}

laplace <- function(rows) {
  fit <- lme4::glmer(
    FORMULA,
    data = rows, family = binomial, nAGQ = 1,
    control = lme4::glmerControl(optimizer = "bobyqa") # the default stops early on `shocked`
  )
  found <- coef(summary(fit))
  sds <- sqrt(unlist(lme4::VarCorr(fit)))
  data.frame(
    did = found["did", "Estimate"], se = found["did", "Std. Error"],
    authority_sd = sds[["authority"]], shock_sd = sds[["authority:year"]],
    singular = lme4::isSingular(fit)
  )
}

priors_of <- function(case) {
  data.frame(
    parameter = c("intercept", names(case$normal), names(case$mean_sd)),
    distribution = rep(c("normal", "exponential"), c(5, 2)),
    mean = c(rep(0, 5), case$mean_sd),
    sd = c(10, case$normal, case$mean_sd)
  )
}

# Rows of one data set replace those in the file; data sets stand in the order of CASES.
store <- function(file, name, rows) {
  rows <- cbind(dataset = name, rows)
  number <- vapply(rows, is.double, TRUE)
  rows[number] <- lapply(rows[number], signif, 6)
  if (file.exists(file)) {
    others <- read.csv(file, stringsAsFactors = FALSE)
    rows <- rbind(others[others$dataset != name, ], rows)
  }
  rows <- rows[order(match(rows$dataset, names(CASES))), ]
  write.csv(rows, file, row.names = FALSE, quote = FALSE)
}

refer <- function(name) {
  case <- CASES[[name]]
  rows <- made(case)
  dir.create("data", showWarnings = FALSE)
  write.csv(rows, file.path("data", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
  rows$did <- rows$pilot * rows$post
  started <- proc.time()[["elapsed"]]
  fit <- bayesian(rows, case)
  seconds <- proc.time()[["elapsed"]] - started
  table <- summary_of(draws_of(fit))
  diagnostics <- diagnostics_of(fit, table, case)
  store("posterior.csv", name, table)
  store("diagnostics.csv", name, diagnostics)
  store("priors.csv", name, priors_of(case))
  store("lme4.csv", name, laplace(rows))
  cat("\n", name, ": ", nrow(rows), " rows, ", round(seconds), " s\n", sep = "")
  print(diagnostics, row.names = FALSE)
}

# What decov means, seen in draws from the prior alone: two scales, two exponentials.
check_prior <- function() {
  case <- CASES$few
  rows <- made(case)
  rows$did <- rows$pilot * rows$post
  draws <- draws_of(bayesian(rows, case, prior_PD = TRUE))
  rows <- lapply(names(case$mean_sd), function(sd_of) {
    x <- extract_variable_matrix(draws, sd_of)
    expected <- case$mean_sd[[sd_of]]
    at <- c(0.05, 0.5, 0.95)
    data.frame(
      parameter = sd_of, statistic = c("mean", "sd", "q05", "q50", "q95"),
      exponential = c(expected, expected, qexp(at, 1 / expected)),
      drawn = c(mean(x), sd(as.numeric(x)), quantile(x, at)),
      mcse = c(mcse_mean(x), mcse_sd(x), mcse_quantile(x, at))
    )
  })
  rows <- do.call(rbind, rows)
  number <- vapply(rows, is.double, TRUE)
  rows[number] <- lapply(rows[number], signif, 4)
  write.csv(rows, "prior_check.csv", row.names = FALSE, quote = FALSE)
  print(rows, row.names = FALSE)
}

wanted <- commandArgs(trailingOnly = TRUE)
stopifnot(wanted %in% c(names(CASES), "prior"))
if (length(wanted) == 0) wanted <- c("prior", names(CASES))
for (name in wanted) if (name == "prior") check_prior() else refer(name)

software <- c("rstanarm", "rstan", "StanHeaders", "lme4", "posterior")
write.csv(
  data.frame(
    software = c("R", software),
    version = c(
      as.character(getRversion()),
      vapply(software, function(name) as.character(packageVersion(name)), "")
    )
  ),
  "versions.csv", row.names = FALSE, quote = FALSE
)
