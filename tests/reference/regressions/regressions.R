# Fit the regressions of analysis.toml to matched.csv with R, and write regressions.json.
#
# Run as `Rscript regressions.R` in this folder. Needs sandwich, lmtest, lme4, clubSandwich,
# numDeriv and jsonlite. The columns are made here from the raw table; nothing of the Python
# package is used.

suppressMessages({
  library(sandwich)
  library(lmtest)
  library(lme4)
  library(clubSandwich)
})

d <- read.csv("matched.csv", stringsAsFactors = FALSE, na.strings = "")
COVARIATES <- "assessments"

dummy <- function(x) as.numeric(x)
standard <- function(x) (x - mean(x)) / sqrt(mean((x - mean(x))^2))

treatment <- function(d, kind) {
  p <- d$pilot
  q <- d$post
  since <- function(years) {
    years <- setdiff(sort(unique(d$years_since[p == 1])), c(-1, setdiff(-9:9, years)))
    columns <- lapply(years, function(k) p * dummy(d$years_since == k))
    names(columns) <- ifelse(years >= 0, paste("lag", years), paste("lead", years))
    c(list(pilot = p), columns)
  }
  switch(kind,
    "did" = list(pilot = p, did = p * q),
    "lags" = since(0:9),
    "leads and lags" = since(-9:9),
    "quality" = list(quality = p * d$quality, "quality × post" = p * d$quality * q),
    "practice model" = {
      similar <- (1 - p) * d$similar_practice_model
      other <- (1 - p) * (1 - d$similar_practice_model)
      list(
        "similar practice model" = similar, "other practice model" = other,
        "similar practice model × post" = similar * q, "other practice model × post" = other * q
      )
    },
    "ofsted" = list(
      pilot = p, did = p * q, ofsted = d$ofsted, "pilot × post × ofsted" = p * q * d$ofsted
    )
  )
}

columns <- function(d, kind, fixed) {
  years <- lapply(2013:2018, function(y) dummy(d$year == y))
  names(years) <- paste("year", 2013:2018)
  names_ <- sort(unique(d$authority))[-1]
  authorities <- lapply(names_, function(a) dummy(d$authority == a))
  names(authorities) <- paste0("authority: ", names_)
  child <- list(
    "gender: female" = dummy(d$gender == "female"),
    "gender: other or unborn" = dummy(d$gender == "other or unborn"),
    "age" = ifelse(is.na(d$age), 0, d$age - 8),
    "age: missing" = dummy(is.na(d$age)),
    "disabled: yes" = dummy(d$disabled == "yes"),
    "disabled: missing" = dummy(d$disabled == "missing")
  )
  all <- c(years, if (fixed) authorities, treatment(d, kind), child,
    list(assessments = standard(d$assessments), post = d$post))
  as.data.frame(all, check.names = FALSE, optional = TRUE)
}

plain <- function(x) {
  names(x) <- gsub("`", "", names(x), fixed = TRUE)
  names(x)[names(x) == "(Intercept)"] <- "intercept"
  as.list(x)
}
se <- function(v) {
  e <- sqrt(diag(v))
  names(e) <- rownames(v)
  plain(e)
}
# The covariance of three terms, whole: off-diagonals count too.
block <- function(v) {
  chosen <- intersect(c("(Intercept)", "pilot", "did"), rownames(v))
  list(terms = gsub("(Intercept)", "intercept", chosen, fixed = TRUE), values = v[chosen, chosen])
}

mcfadden <- function(fit, y, w) {
  ll <- function(p) sum(w * (y * log(p) + (1 - y) * log(1 - p)))
  p0 <- sum(w * y) / sum(w)
  list(log_likelihood = ll(fitted(fit)), r_squared = 1 - ll(fitted(fit)) / ll(p0))
}

sandwiches <- function(fit, d) {
  satterthwaite <- coef_test(fit, vcovCR(fit, cluster = d$authority, type = "CR2"),
    test = "Satterthwaite")
  list(
    own = se(vcov(fit, complete = FALSE)),
    CR1_authority = se(vcovCL(fit, cluster = d$authority, type = "HC1")),
    CR1_authority_block = block(vcovCL(fit, cluster = d$authority, type = "HC1")),
    CR1_child = se(vcovCL(fit, cluster = d$child, type = "HC1")),
    CR2_authority = se(as.matrix(vcovCR(fit, cluster = d$authority, type = "CR2"))),
    CR2_child = se(as.matrix(vcovCR(fit, cluster = d$child, type = "CR2"))),
    CR2_authority_df = plain(setNames(satterthwaite$df_Satt, rownames(satterthwaite)))
  )
}

# CR3 as (G - 1) / G times the jackknife; clubSandwich's lacks that factor. It does not exist
# where one authority alone identifies a term (its own dummy, or the longest lag).
jackknifed <- function(fit, d) {
  g <- length(unique(d$authority))
  list(
    CR3_authority = se((g - 1) / g * as.matrix(vcovCR(fit, cluster = d$authority, type = "CR3")))
  )
}

# sandwich multiplies weighted residuals by its HC2 and HC3 matrices, not residuals, so that its
# own are the jackknife's only where all weights are 1.
unweighted <- function(d) {
  fit <- lm(d$outcome ~ ., data = columns(d, "did", FALSE))
  list(
    coefficients = plain(coef(fit)),
    errors = list(
      HC2_authority = se(vcovCL(fit, cluster = d$authority, type = "HC2", cadjust = FALSE)),
      HC3_authority = se(vcovCL(fit, cluster = d$authority, type = "HC3", cadjust = FALSE))
    )
  )
}

in_order <- function(d) d[order(d$child, d$referral_date, d$referral, d$group, method = "radix"), ]

linear <- function(kind, d, fixed = FALSE) {
  x <- columns(d, kind, fixed)
  fit <- lm(d$outcome ~ ., data = x, weights = d$weight)
  kept <- names(coef(fit))[!is.na(coef(fit))]
  sorted <- in_order(d)
  unweighted <- lm(sorted$outcome ~ ., data = columns(sorted, kind, fixed), weights = sorted$weight)
  serial <- bgtest(unweighted, order = 1)
  list(
    coefficients = plain(coef(fit)[kept]),
    dropped = gsub("`", "", setdiff(names(coef(fit)), kept), fixed = TRUE),
    r_squared = summary(fit)$r.squared,
    log_likelihood = as.numeric(logLik(fit)),
    dispersion = summary(fit)$sigma^2,
    errors = c(sandwiches(fit, d), if (!fixed && !grepl("lags", kind)) jackknifed(fit, d)),
    breusch_godfrey = list(statistic = unname(serial$statistic), p_value = unname(serial$p.value))
  )
}

log_odds <- function(kind, d) {
  x <- columns(d, kind, FALSE)
  control <- glm.control(epsilon = 1e-15, maxit = 100)
  fit <- suppressWarnings(
    glm(d$outcome ~ ., data = x, weights = d$weight, family = binomial, control = control)
  )
  quasi <- glm(d$outcome ~ ., data = x, weights = d$weight, family = quasibinomial,
    control = control)
  # Least squares at the maximum, in units of equal variance: what CR2 is taken from.
  p <- fitted(fit)
  s <- sqrt(p * (1 - p))
  scaled <- as.data.frame(s * model.matrix(fit)[, !is.na(coef(fit))], optional = TRUE)
  working <- lm((d$outcome - p) / s ~ . - 1, data = scaled, weights = d$weight)
  kept <- !is.na(coef(fit))
  cr2 <- as.matrix(vcovCR(working, cluster = d$authority, type = "CR2"))
  cr3 <- function() {
    g <- length(unique(d$authority))
    list(CR3_authority = se(
      (g - 1) / g * as.matrix(vcovCR(fit, cluster = d$authority, type = "CR3"))
    ))
  }
  c(
    list(
      coefficients = plain(coef(fit)[kept]),
      dropped = gsub("`", "", names(coef(fit))[!kept], fixed = TRUE),
      dispersion = summary(quasi)$dispersion
    ),
    mcfadden(fit, d$outcome, d$weight),
    list(errors = c(list(
      own = se(vcov(fit, complete = FALSE)),
      CR1_authority = se(vcovCL(fit, cluster = d$authority, type = "HC1")),
      CR1_authority_block = block(vcovCL(fit, cluster = d$authority, type = "HC1")),
      CR1_child = se(vcovCL(fit, cluster = d$child, type = "HC1")),
      CR2_authority = setNames(se(cr2), names(plain(coef(fit)[kept])))
    ), if (kind == "did") cr3())),
    list(marginal = marginal(fit, x, d))
  )
}

# Average change of probability over the treated of each effect term, if it were 0; numerically
# differentiated for the delta method.
marginal <- function(fit, x, d) {
  kept <- !is.na(coef(fit))
  design <- model.matrix(fit)[, kept]
  colnames(design) <- gsub("`", "", colnames(design), fixed = TRUE)
  v <- vcovCL(fit, cluster = d$authority, type = "HC1")
  effects <- grep("^did$|^lag ", colnames(design), value = TRUE)
  one <- function(terms) {
    treated <- rowSums(abs(design[, terms, drop = FALSE])) > 0
    without <- design
    without[, terms] <- 0
    mean_change <- function(b) {
      change <- plogis(design %*% b) - plogis(without %*% b)
      sum((d$weight * change)[treated]) / sum(d$weight[treated])
    }
    gradient <- numDeriv::grad(mean_change, coef(fit)[kept])
    list(effect = mean_change(coef(fit)[kept]),
      standard_error = sqrt(drop(gradient %*% v %*% gradient)), rows = sum(treated))
  }
  singles <- lapply(effects, one)
  names(singles) <- effects
  c(singles, list("after settling-in" = one(effects)))
}

mixed <- function(d) {
  x <- columns(d, "did", FALSE)
  x <- x[, names(x) %in% gsub("`", "", names(which(!is.na(coef(lm(d$outcome ~ ., data = x))))),
    fixed = TRUE)]
  design <- as.matrix(x)
  fit <- lmer(d$outcome ~ design + (1 | d$authority), weights = d$weight, REML = TRUE,
    control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12)))
  fixed <- fixef(fit)
  names(fixed) <- sub("^design", "", names(fixed))
  errors <- sqrt(diag(as.matrix(vcov(fit))))
  names(errors) <- names(fixed)
  list(
    coefficients = plain(fixed), errors = list(own = plain(errors)),
    authority_sd = as.numeric(attr(VarCorr(fit)[[1]], "stddev")), residual_sd = sigma(fit),
    log_likelihood = as.numeric(logLik(fit, REML = TRUE))
  )
}

packages <- c("sandwich", "lmtest", "lme4", "clubSandwich", "numDeriv", "jsonlite")
versions <- lapply(packages, function(p) as.character(packageVersion(p)))
names(versions) <- packages
found <- list(
  versions = c(list(R = R.version.string), versions),
  "did" = linear("did", d),
  "lags" = linear("lags", d),
  "leads and lags" = linear("leads and lags", d),
  "quality" = linear("quality", d),
  "practice model" = linear("practice model", d),
  "ofsted" = linear("ofsted", d),
  "without Elm" = linear("did", d[d$group != "Elm", ]),
  "fixed" = linear("did", d, fixed = TRUE),
  "random" = mixed(d),
  "unweighted" = unweighted(d),
  "logistic did" = log_odds("did", d),
  "logistic lags" = log_odds("lags", d)
)
jsonlite::write_json(found, "regressions.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
